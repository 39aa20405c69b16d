"""``kernelyard tail`` says it when there is nothing to print because outputs were removed."""

from __future__ import annotations

import pytest

from kernelyard.cli.main import main

from tests.support.flaky_server import Reply, Request, flaky_server
from tests.support.yard_answers import KERNEL_ID, TASK_ID, a_kernel, a_task, end_event, refuse, say


def swept(request: Request) -> Reply:
    """A server whose only task has lost its outputs to the sweeper."""
    kernel = a_kernel(state="terminated", outputs_removed_at="2026-01-02T03:04:05.000000Z")
    ended = a_task(started_at="2026-01-02T03:04:05.000000Z")
    if request.path.endswith("/outputs") and "text/event-stream" in request.headers["accept"]:
        return Reply(end_event(), content_type="text/event-stream")
    answers: dict[str, object] = {
        f"/v1/tasks/{TASK_ID}": ended,
        f"/v1/tasks/{TASK_ID}/outputs": {"items": [], "last": 9, "complete": True},
        f"/v1/kernels/{KERNEL_ID}": kernel,
        f"/v1/kernels/{KERNEL_ID}/tasks": {"items": [ended], "next_cursor": None},
    }
    known = answers.get(request.path)
    return refuse(404, "not_found") if known is None else say(known)


@pytest.mark.parametrize("words", [(TASK_ID,), (TASK_ID, "-f"), (KERNEL_ID,)], ids=repr)
def test_it_is_said_that_outputs_were_removed(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with flaky_server(swept) as server:
        monkeypatch.setenv("KERNELYARD_URL", server.url)
        monkeypatch.setenv("KERNELYARD_TOKEN", "secret")
        with pytest.raises(SystemExit) as exited:
            main(["tail", *words])
    told = capsys.readouterr()
    assert (exited.value.code, told.out) == (0, "")
    assert "The outputs were removed at 2026-01-0" in told.err
