"""What is done once before kernels are forked changes nothing that code in them could find."""

from __future__ import annotations

import pytest

from tests.support.forked_kernels import Nest

pytestmark = pytest.mark.parametrize("nest", [False, True], ids=["asked", "ahead"], indirect=True)

SHOWN = """
shell = get_ipython()
{first}
with open("shown", "w") as file:
    file.write(shell.display_formatter.format(3.14159)[0]["text/plain"])
"""
PRECISE = "shell.config.PlainTextFormatter.float_precision = '%.2f'"
STATE = """{
    "late": sorted(name for name in vars(get_ipython().display_formatter) if "formatter" in name),
    "formatters": sorted(get_ipython().display_formatter.formatters),
    "parents": [one.parent is get_ipython().display_formatter
                for one in get_ipython().display_formatter.formatters.values()],
    "count": get_ipython().execution_count,
    "cells": sorted(__import__("linecache").cache.keys() & {"<string>"}),
    "last": repr(getattr(get_ipython(), "last_execution_result", None))[:20],
    "configurables": [type(one).__name__ for one in get_ipython().configurables],
}"""


@pytest.mark.parametrize(("first", "shown"), [(PRECISE, "3.14"), ("", "3.14159")])
async def test_how_values_are_shown_is_configured_until_the_first_is(
    nest: Nest, first: str, shown: str
) -> None:
    await nest.zygote()
    for number, fork in enumerate((True, False), 1):
        kernel = await nest.kernel(number, fork=fork)
        assert (await kernel.run(SHOWN.format(first=first))).content["status"] == "ok"
        assert (kernel.place / "shown").read_text() == shown


async def test_a_forked_kernel_has_what_one_has_that_is_run(nest: Nest) -> None:
    await nest.zygote()
    forked = await (await nest.kernel(1)).value(STATE)
    assert forked == await (await nest.kernel(2, fork=False)).value(STATE)
    assert not forked["late"]
