"""The end of a kernel in the form in which Jupyter applications expect it."""

from __future__ import annotations

import pytest

from kernelyard.client.types import ImageSnapshot, KernelInfo, TemplateSnapshot
from kernelyard.provisioner.tie import exit_code_of


def info(state: str, **fields: object) -> KernelInfo:
    snapshots = {
        "image": ImageSnapshot(name="python3"),
        "template": TemplateSnapshot(name="default"),
    }
    return KernelInfo(id="a-kernel", state=state, **snapshots, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("state", ["starting", "idle", "busy", "restarting", "terminating"])
def test_a_kernel_that_lives_has_none(state: str) -> None:
    assert exit_code_of(info(state)) is None


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"cause": "asked", "exit_code": 0}, 0),
        ({"cause": "asked", "signal": "SIGKILL"}, 0),
        ({"cause": "asked"}, 0),
        ({"cause": "died", "exit_code": 7}, 7),
        ({"cause": "died", "signal": "SIGSEGV"}, -11),
        ({"cause": "died", "signal": "SIGNEW"}, 1),
        ({"cause": "agent_lost"}, 1),
        ({"cause": "idle"}, 1),
    ],
)
def test_an_end_has_a_code(fields: dict[str, object], code: int) -> None:
    assert exit_code_of(info("terminated", **fields)) == code
