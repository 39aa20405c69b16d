"""What the guide's words stand for: sizes, durations, states, messages, pages, errors."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest

from kernelyard.client import (
    ConflictError,
    ConnectionFailedError,
    ImageSnapshot,
    KernelInfo,
    KernelyardError,
    NoServerError,
    NotFoundError,
    Output,
    TaskError,
    TaskInfo,
    TemplateSnapshot,
    WaitTimeoutError,
)
from kernelyard.compat.h2o_notebook.clients.convert.duration_convertor import (
    duration_to_seconds,
    seconds_to_duration,
)
from kernelyard.compat.h2o_notebook.clients.convert.quantity_convertor import (
    number_to_quantity,
    quantity_to_number,
)
from kernelyard.compat.h2o_notebook.clients.kernel.kernel import kernel_of
from kernelyard.compat.h2o_notebook.clients.kernel_image.type import type_of
from kernelyard.compat.h2o_notebook.clients.kernel_task.kernel_task import kernel_task_of
from kernelyard.compat.h2o_notebook.clients.kernel_task_message.kernel_task_message import (
    KernelTaskMessage,
    kernel_task_message_of,
    kernel_task_messages_of,
)
from kernelyard.compat.h2o_notebook.clients.page import page_of
from kernelyard.compat.h2o_notebook.exception import (
    ConnectionException,
    CustomApiException,
    H2ONotebookException,
    InvalidArgumentException,
    LoginException,
    TimeoutException,
    translated,
)

NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("size", "number"),
    [
        ("0", 0),
        ("10", 10),
        ("1k", 1_000),
        ("1Ki", 1_024),
        ("1000Ki", 1_024_000),
        ("1500k", 1_500_000),
        ("1Gi", 2**30),
        ("1G", 10**9),
        ("1Pi", 2**50),
    ],
)
def test_sizes_are_read_and_written(size: str, number: int) -> None:
    assert quantity_to_number(size) == number
    assert number_to_quantity(number) == size


@pytest.mark.parametrize("size", ["", "1.5Gi", "1K", "1 Gi", "-1", "1m", "Gi", "1Ei", "١"])
def test_what_is_no_size_is_refused(size: str) -> None:
    with pytest.raises(InvalidArgumentException, match="is no size") as caught:
        quantity_to_number(size)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("duration", "seconds"),
    [("0s", 0), ("61s", 61), ("1m", 60), ("1h", 3600), ("25h", 90_000), ("1d", 86_400)],
)
def test_durations_are_read_and_written(duration: str, seconds: int) -> None:
    assert duration_to_seconds(duration) == seconds
    assert seconds_to_duration(seconds) == duration


@pytest.mark.parametrize("duration", ["", "1", "1w", "1.5h", "1h30m", "-1s"])
def test_what_is_no_duration_is_refused(duration: str) -> None:
    with pytest.raises(InvalidArgumentException, match="is no duration"):
        duration_to_seconds(duration)


def test_languages_the_guide_has_no_type_for_are_unspecified() -> None:
    assert [type_of(one).name for one in ("python", "R", "julia")] == [
        "TYPE_PYTHON",
        "TYPE_R",
        "TYPE_UNSPECIFIED",
    ]


def a_kernel(state: str, **more: object) -> KernelInfo:
    return KernelInfo(
        id="k",
        state=state,
        image=ImageSnapshot(name="python3"),
        template=TemplateSnapshot(name="default"),
        **more,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("state", "name"),
    [
        ("starting", "STATE_STARTING"),
        ("restarting", "STATE_STARTING"),
        ("idle", "STATE_RUNNING_IDLE"),
        ("busy", "STATE_RUNNING_BUSY"),
        ("terminating", "STATE_TERMINATING"),
        ("terminated", "STATE_TERMINATED"),
        ("failed", "STATE_FAILED"),
        ("of a later server", "STATE_UNSPECIFIED"),
    ],
)
def test_states_of_kernels(state: str, name: str) -> None:
    assert kernel_of(a_kernel(state), "python").state.name == name


def test_only_a_kernel_that_broke_has_a_failure_reason() -> None:
    killed = a_kernel("terminated", cause="out_of_memory", reason="used more than 1 GiB")
    assert kernel_of(killed, "python").failure_reason == "used more than 1 GiB"
    idle = a_kernel("terminated", cause="idle", reason="idle for 1 h")
    assert kernel_of(idle, "python").failure_reason == ""


@pytest.mark.parametrize(
    ("state", "cause", "name"),
    [
        ("queued", None, "STATE_QUEUED"),
        ("running", None, "STATE_EXECUTING"),
        ("succeeded", None, "STATE_COMPLETE_SUCCESS"),
        ("failed", "raised", "STATE_COMPLETE_ERROR"),
        ("cancelled", "asked", "STATE_CANCELLED"),
        ("lost", "asked", "STATE_CANCELLED"),
        ("lost", "idle", "STATE_CANCELLED"),
        ("lost", "restarted", "STATE_CANCELLED"),
        ("lost", "out_of_memory", "STATE_COMPLETE_ERROR"),
        ("lost", "died", "STATE_COMPLETE_ERROR"),
        ("of a later server", None, "STATE_UNSPECIFIED"),
    ],
)
def test_states_of_tasks(state: str, cause: str | None, name: str) -> None:
    task = TaskInfo(id="t", kernel_id="k", state=state, cause=cause)
    assert kernel_task_of(task).state.name == name


def test_a_task_tells_what_it_raised_or_why_it_was_lost() -> None:
    raised = TaskError(name="ValueError", value="no", traceback=("line 1", "line 2"))
    failed = kernel_task_of(
        TaskInfo(id="t", kernel_id="k", state="failed", cause="raised", error=raised)
    )
    assert (failed.error, failed.error_value) == ("ValueError", "no")
    assert failed.traceback == "line 1\nline 2"
    lost = kernel_task_of(
        TaskInfo(id="t", kernel_id="k", state="lost", cause="died", reason="killed by SIGKILL")
    )
    assert (lost.error, lost.error_value) == ("KernelDied", "killed by SIGKILL")
    late = kernel_task_of(
        TaskInfo(id="t", kernel_id="k", state="failed", cause="time_limit", reason="over 5 s")
    )
    assert (late.error, late.error_value) == ("TimeLimit", "over 5 s")
    asked = kernel_task_of(
        TaskInfo(id="t", kernel_id="k", state="cancelled", cause="asked", error=raised)
    )
    assert (asked.error, asked.traceback) == ("", "")


def message(kind: str, **content: object) -> KernelTaskMessage | None:
    return kernel_task_message_of(Output(number=7, at=NOW, task=1, kind=kind, content=content))


def test_a_message_is_one_of_three() -> None:
    said = message("stream", name="stdout", text="hello\n")
    assert said is not None
    assert (said.std_out, said.std_err, said.display_message) == ("hello\n", None, None)
    assert (said.kernel_task_message_id, said.create_time) == ("7", NOW)
    warned = message("stream", name="stderr", text="careful\n")
    assert warned is not None
    assert (warned.std_out, warned.std_err) == (None, "careful\n")


def printed(number: int, text: str, *, after: float = 0.0, name: str = "stdout") -> Output:
    at = NOW + timedelta(seconds=after)
    return Output(number=number, at=at, task=1, kind="stream", content={"name": name, "text": text})


def test_a_line_that_came_in_pieces_is_one_message() -> None:
    pieces = [printed(1, "he"), printed(2, "llo", after=0.2), printed(3, "\n", after=0.4)]
    ((said, last),) = kernel_task_messages_of(pieces)
    assert (said.kernel_task_message_id, said.std_out, last) == ("1", "hello\n", 3)


def test_other_pieces_are_messages_of_their_own() -> None:
    pieces = [
        printed(1, "a line\n"),
        printed(2, "waiting"),
        printed(3, " no more", after=1.1),
        printed(4, "beside", after=1.2, name="stderr"),
        printed(6, "it", after=1.3),
    ]
    told = [(one.std_out or one.std_err, last) for one, last in kernel_task_messages_of(pieces)]
    assert told == [("a line\n", 1), ("waiting", 2), (" no more", 3), ("beside", 4), ("it", 6)]


def test_displays_are_bytes_by_type() -> None:
    png = base64.b64encode(b"\x89PNG").decode()
    data = {"image/png": png, "text/plain": ["<Fig", "ure>"], "application/json": {"é": 1}}
    shown = message("display_data", data=data)
    assert shown is not None
    assert shown.display_message is not None
    assert shown.display_message.display_message_data == {
        "image/png": png.encode(),
        "text/plain": b"<Figure>",
        "application/json": '{"é": 1}'.encode(),
    }
    assert repr(shown.display_message) == (
        "DisplayMessage(image/png: 8 bytes, text/plain: 8 bytes, application/json: 9 bytes)"
    )


@pytest.mark.parametrize("kind", ["started", "ended", "error", "clear_output", "cut", "gap"])
def test_marks_and_errors_are_no_messages(kind: str) -> None:
    assert message(kind, ename="ValueError", wait=False) is None


def test_pages_follow_each_other_without_holes() -> None:
    items = [str(number) for number in range(5)]
    pages, token = [], ""
    while True:
        page, token = page_of(items, 2, token, str)
        pages.append(page)
        if not token:
            break
    assert pages == [["0", "1"], ["2", "3"], ["4"]]
    assert page_of(items, 5, "", str) == (items, "")
    assert page_of([], 0, "", str) == ([], "")


def test_a_page_takes_a_possible_size_and_a_known_token() -> None:
    items = [str(number) for number in range(2000)]
    assert len(page_of(items, 0, "", str)[0]) == 50
    assert len(page_of(items, 5000, "", str)[0]) == 1000
    with pytest.raises(InvalidArgumentException, match="page_size"):
        page_of(items, -1, "", str)
    with pytest.raises(InvalidArgumentException, match="not known"):
        page_of(items, 1, "no such", str)


@pytest.mark.parametrize(
    ("error", "kind", "status"),
    [
        (NotFoundError("none", status=404, code="x"), CustomApiException, 404),
        (NotFoundError("gone", status=410, code="x"), CustomApiException, 404),
        (ConflictError("taken", status=409, code="already_exists"), CustomApiException, 409),
        (ConflictError("over", status=409, code="task_finished"), CustomApiException, 400),
        (ConflictError("over", status=409, code="kernel_ended"), CustomApiException, 400),
        (WaitTimeoutError("still running"), TimeoutException, None),
        (ConnectionFailedError("away"), ConnectionException, None),
        (NoServerError("none"), LoginException, None),
        (KernelyardError("what"), H2ONotebookException, None),
    ],
)
def test_errors_are_one_tree_with_a_status(
    error: KernelyardError, kind: type[H2ONotebookException], status: int | None
) -> None:
    found = translated(error)
    assert type(found) is kind
    assert found.status == status
    assert str(error) in str(found)


def test_a_refusal_reads_as_status_reason_and_sentence() -> None:
    refused = translated(NotFoundError("There is none.", status=404, code="kernel_not_found"))
    assert str(refused) == "404 (Not Found): There is none."
    assert isinstance(refused, CustomApiException)
    assert (refused.reason, refused.code) == ("Not Found", "kernel_not_found")
