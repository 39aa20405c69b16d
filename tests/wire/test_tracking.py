"""An execution has ended when its reply and its idle mark have both come, in either order."""

from __future__ import annotations

import itertools
import json

import pytest

from kernelyard.wire.messages import Message
from kernelyard.wire.tracking import Execution


def a_message(kind: str, parent: str = "mine", **content: object) -> Message:
    return Message(kind, "id", parent, json.dumps(content).encode())


def idle(parent: str = "mine") -> Message:
    return a_message("status", parent, execution_state="idle")


def reply(parent: str = "mine", **content: object) -> Message:
    return a_message("execute_reply", parent, **{"status": "ok", **content})


STEPS = {
    "busy": lambda run: run.on_iopub(a_message("status", execution_state="busy")),
    "reply": lambda run: run.on_shell(reply(execution_count=3)),
    "idle": lambda run: run.on_iopub(idle()),
    "stream": lambda run: run.on_iopub(a_message("stream", name="stdout", text="x")),
}


@pytest.mark.parametrize("order", list(itertools.permutations(STEPS)))
def test_it_ends_only_after_reply_and_idle_in_any_order(order: tuple[str, ...]) -> None:
    run = Execution("mine")
    for at, step in enumerate(order):
        STEPS[step](run)
        assert run.finished == ({"reply", "idle"} <= set(order[: at + 1]))
    assert run.succeeded
    assert run.execution_count == 3


def test_what_belongs_to_others_is_passed_over() -> None:
    run = Execution("mine")
    run.on_shell(reply("other"))
    run.on_iopub(idle("other"))
    run.on_iopub(a_message("error", "other", ename="E"))
    run.on_shell(a_message("kernel_info_reply"))
    assert not run.finished
    assert run.reply is None
    assert run.raised is None


def test_it_has_begun_when_the_kernel_repeats_its_code() -> None:
    run = Execution("mine")
    assert not run.begun
    run.on_iopub(a_message("execute_input", code="1"))
    assert run.begun


def test_the_error_is_that_of_the_reply() -> None:
    run = Execution("mine")
    run.on_iopub(a_message("error", ename="Seen", evalue="on iopub", traceback=[]))
    run.on_shell(reply(status="error", ename="Told", evalue="in the reply", traceback=["line"]))
    assert run.error is not None
    assert (run.error.name, run.error.value, run.error.traceback) == (
        "Told",
        "in the reply",
        ("line",),
    )


@pytest.mark.parametrize("status", ["abort", "aborted", "error", "strange"])
def test_any_other_status_than_ok_is_no_success(status: str) -> None:
    run = Execution("mine")
    run.on_iopub(a_message("error", ename="Seen", evalue="v", traceback=[]))
    run.on_shell(reply(status=status))
    assert not run.succeeded
    assert run.aborted == status.startswith("abort")
    assert run.error is not None
    assert run.error.name == "Seen"


def test_without_a_reply_the_errors_seen_decide() -> None:
    run = Execution("mine")
    assert run.succeeded
    assert run.error is None
    run.on_iopub(a_message("error", ename="Seen", evalue="v", traceback=["t"]))
    assert not run.succeeded
