"""A program that calls ``sys.exit()``: its status, its last words, and no noise about it."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

import pytest

from kernelyard.cli.live import LivePrinter
from kernelyard.cli.script_exit import exit_code, last_words, without_noise
from kernelyard.client import Output

NOISE = (
    "/lib/IPython/core/interactiveshell.py:3831: UserWarning: To exit: use 'exit', 'quit', or "
    "Ctrl-D.\n  warn(\"To exit: use 'exit', 'quit', or Ctrl-D.\", stacklevel=1)\n"
)


@pytest.mark.parametrize(
    ("value", "code", "words"),
    [
        ("", 0, None),
        ("0", 0, None),
        ("None", 0, None),
        ("False", 0, None),
        ("True", 1, None),
        ("3", 3, None),
        ("-1", 255, None),
        ("256", 0, None),
        ("no such model", 1, "no such model"),
    ],
)
def test_the_status_is_the_one_that_python_would_have(
    value: str, code: int, words: str | None
) -> None:
    assert exit_code("SystemExit", value) == code
    assert last_words("SystemExit", value) == words


def test_another_error_is_no_exit() -> None:
    assert exit_code("ValueError", "3") is None
    assert last_words("ValueError", "text") is None


def test_what_the_program_wrote_around_the_noise_is_kept() -> None:
    assert without_noise(f"mine\n{NOISE}also mine\n") == "mine\nalso mine\n"
    assert without_noise("mine, no newline") == "mine, no newline"


def an_output(kind: str, **content: Any) -> Output:
    at = datetime(2026, 1, 2, tzinfo=UTC)
    return Output(number=1, at=at, task=1, kind=kind, content=content)


def shown(value: str, *, program: bool) -> str:
    err = io.StringIO()
    printer = LivePrinter(io.StringIO(), err, program=program)
    lines = ["An exception has occurred, use %tb to see the full traceback.\n", "SystemExit"]
    printer.show(an_output("error", ename="SystemExit", evalue=value, traceback=lines))
    printer.show(an_output("stream", name="stderr", text=NOISE))
    return err.getvalue()


def test_of_a_program_only_its_last_words_are_shown() -> None:
    assert shown("3", program=True) == ""
    assert shown("no such model", program=True) == "no such model\n"


def test_of_anything_else_all_is_shown() -> None:
    assert "use %tb" in shown("3", program=False)
    assert "To exit: use" in shown("3", program=False)
