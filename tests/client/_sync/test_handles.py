# Generated from tests/client/_async/test_handles.py by tools/generate_sync.py: do not edit.
# ruff: noqa: RUF100, SIM117, UP028
"""Handles: what each call sends, and what comes back."""

from __future__ import annotations

import base64

import pytest

from kernelyard.client import (
    Client,
    KernelEndedError,
    RetryPolicy,
    TaskFailedError,
    WaitTimeoutError,
)

from tests.support.flaky_server import (
    HANG_UP,
    Answer,
    FlakyServer,
    Reply,
    Request,
    flaky_server,
)
from tests.support.yard_answers import (
    KERNEL_ID,
    TASK_ID,
    a_kernel,
    a_result,
    a_task,
    an_output,
    refuse,
    say,
)

KERNEL = f"/v1/kernels/{KERNEL_ID}"
TASK = f"/v1/tasks/{TASK_ID}"


def a_client(server: FlakyServer) -> Client:
    return Client(server.url, "secret", retries=RetryPolicy(first_delay=0.001))


def routes(table: dict[str, Reply]) -> Answer:
    def answer(request: Request) -> Reply:
        return table.get(f"{request.method} {request.path}", refuse(404, "not_found"))

    return answer


def test_create_sends_the_order_and_returns_at_once() -> None:
    made = say(a_kernel(state="starting", created=True), 201)
    with flaky_server(routes({"POST /v1/kernels": made})) as server:
        with a_client(server) as yard:
            kernel = yard.kernels.create(
                "r",
                template="small",
                environment={"A": "1"},
                parameters={"level": 2},
                path="a.ipynb",
                labels={"team": "a"},
            )
        order = server.requests[0].json
    assert kernel.state == "starting"
    assert kernel.created
    assert order == {
        "image": "r",
        "template": "small",
        "name": None,
        "display_name": "",
        "environment": {"A": "1"},
        "parameters": {"level": 2},
        "path": "a.ipynb",
        "labels": {"team": "a"},
    }


def test_get_or_create_tells_which() -> None:
    found = say(a_kernel(name="nightly", created=False))
    with flaky_server(routes({"POST /v1/kernels": found})) as server:
        with a_client(server) as yard:
            kernel = yard.kernels.get_or_create("nightly", image="python3")
        order = server.requests[0].json
    assert not kernel.created
    assert isinstance(order, dict)
    assert order["get_or_create"] is True


def test_lists_read_further_pages_only_when_they_are_used() -> None:
    def answer(request: Request) -> Reply:
        page = int(request.query.get("cursor", ["0"])[0])
        kernels = [a_kernel(id=f"k{page}-{index}") for index in range(2)]
        return say({"items": kernels, "next_cursor": str(page + 1) if page < 2 else None})

    with flaky_server(answer) as server:
        with a_client(server) as yard:
            ids = []
            for kernel in yard.kernels.list(
                state=["idle", "busy"], label={"team": "a", "x": "=,"}, name="n", page_size=2
            ):
                if not ids:
                    assert len(server.requests) == 1
                ids.append(kernel.id)
        first, second, _ = server.requests
    assert ids == ["k0-0", "k0-1", "k1-0", "k1-1", "k2-0", "k2-1"]
    assert first.query == {
        "state": ["idle,busy"],
        "label": ["team=a", "x==,"],
        "name": ["n"],
        "limit": ["2"],
    }
    assert second.query["cursor"] == ["1"]


def test_run_is_one_request_that_returns_the_whole() -> None:
    png = base64.b64encode(b"picture").decode()
    shown = {"kind": "display_data", "data": {"image/png": png}, "metadata": {}}
    value = {"kind": "execute_result", "data": {"text/plain": "42"}, "execution_count": 1}
    table = {
        f"GET {KERNEL}": say(a_kernel()),
        f"POST {KERNEL}/run": say(a_result(stdout="hello\n", results=[shown, value])),
    }
    with flaky_server(routes(table)) as server:
        with a_client(server) as yard:
            kernel = yard.kernels.get(KERNEL_ID)
            result = kernel.run("print('hello'); 6 * 7")
        assert len(server.requests) == 2
        assert server.asked("POST", f"{KERNEL}/run")[0].json == {"code": "print('hello'); 6 * 7"}
    assert result.ok
    assert result.text == "hello\n42"
    assert result.results[0].png == b"picture"
    assert result.raise_for_error() is result


def test_a_run_that_takes_longer_is_waited_for_as_any_task() -> None:
    table = {
        f"GET {KERNEL}": say(a_kernel()),
        f"POST {KERNEL}/run": say(a_result(task=a_task(state="running")), 202),
        f"GET {TASK}/result": say(a_result(stdout="late\n")),
    }
    with flaky_server(routes(table)) as server:
        with a_client(server) as yard:
            kernel = yard.kernels.get(KERNEL_ID)
            result = kernel.run("work()")
        assert len(server.asked("POST", f"{KERNEL}/run")) == 1
    assert result.stdout == "late\n"


def test_submit_names_the_task_that_is_needed_by_handle_or_id() -> None:
    table = {
        f"GET {KERNEL}": say(a_kernel()),
        f"POST {KERNEL}/tasks": say(a_task(state="queued", needs="an-id"), 201),
    }
    with flaky_server(routes(table)) as server:
        with a_client(server) as yard:
            kernel = yard.kernels.get(KERNEL_ID)
            first = kernel.submit("1")
            kernel.submit("2", needs=first)
            task = kernel.submit("3", needs="an-id")
        orders = [one.json for one in server.asked("POST", f"{KERNEL}/tasks")]
    assert orders == [
        {"code": "1", "labels": {}},
        {"code": "2", "labels": {}, "needs": TASK_ID},
        {"code": "3", "labels": {}, "needs": "an-id"},
    ]
    assert task.info.needs == "an-id"


def test_a_failed_task_is_a_result_and_raises_only_when_asked() -> None:
    error = {"name": "ZeroDivisionError", "value": "division by zero", "traceback": ["a", "b"]}
    failed = a_task(state="failed", error=error)
    table = {
        f"GET {TASK}": say(failed),
        f"GET {TASK}/result": say(a_result(task=failed)),
    }
    with flaky_server(routes(table)) as server:
        with a_client(server) as yard:
            result = yard.tasks.get(TASK_ID).wait()
    assert result.error is not None
    assert result.error.traceback == ("a", "b")
    with pytest.raises(TaskFailedError, match="ZeroDivisionError: division by zero") as caught:
        result.raise_for_error()
    assert caught.value.result is result


def test_a_wait_ends_with_its_timeout_and_leaves_the_task_alone() -> None:
    running = a_task(state="running")
    answers = {
        f"GET {TASK}": say(running),
        f"GET {TASK}/result": say(a_result(task=running), status=202),
    }
    with flaky_server(routes(answers)) as server:
        with a_client(server) as yard:
            task = yard.tasks.get(TASK_ID)
            with pytest.raises(WaitTimeoutError, match="still running"):
                task.wait(timeout=0.0)
        assert {one.method for one in server.requests} == {"GET"}


def test_a_wait_outlives_a_server_that_is_away_for_a_while() -> None:
    running = a_task(state="running")
    replies = [say(a_result(task=running)), HANG_UP, refuse(503, "x"), say(a_result())]

    def answer(request: Request) -> Reply:
        return replies.pop(0) if request.path.endswith("/result") else say(running)

    with flaky_server(answer) as server:
        with a_client(server) as yard:
            result = yard.tasks.get(TASK_ID).wait()
    assert result.ok


def test_wait_ready_raises_when_the_kernel_ends_instead() -> None:
    replies = [say(a_kernel(state="starting")), say(a_kernel(state="failed", reason="no python"))]
    with flaky_server(lambda request: replies.pop(0)) as server:
        with a_client(server) as yard:
            kernel = yard.kernels.get(KERNEL_ID)
            with pytest.raises(KernelEndedError, match="no python"):
                kernel.wait_ready()
        assert server.requests[1].query["wait"] == ["ready"]


def test_wait_gone_waits_until_nothing_is_found() -> None:
    replies = [say(a_kernel(state="terminating")), HANG_UP, refuse(404, "kernel_not_found")]
    with flaky_server(lambda request: replies.pop(0)) as server:
        with a_client(server) as yard:
            yard.kernels.wait_gone(KERNEL_ID)
        assert [one.query["wait"] for one in server.requests] == [["gone"]] * 3


def test_wait_gone_ends_with_its_timeout() -> None:
    with flaky_server(lambda request: say(a_kernel())) as server:
        with a_client(server) as yard:
            with pytest.raises(WaitTimeoutError, match="still there"):
                yard.kernels.wait_gone(KERNEL_ID, timeout=0.0)


def test_the_end_of_the_block_deletes_a_kernel() -> None:
    table = {f"GET {KERNEL}": say(a_kernel()), f"DELETE {KERNEL}": Reply(status=204)}
    with flaky_server(routes(table)) as server:
        with a_client(server) as yard, yard.kernels.get(KERNEL_ID):
            pass
        assert len(server.asked("DELETE", KERNEL)) == 1


def test_a_block_that_fails_keeps_what_the_kernel_said() -> None:
    table = {
        f"GET {KERNEL}": say(a_kernel()),
        f"POST {KERNEL}/terminate": say(a_kernel(state="terminating")),
    }
    with flaky_server(routes(table)) as server:
        with a_client(server) as yard:
            with pytest.raises(ZeroDivisionError):
                with yard.kernels.get(KERNEL_ID):
                    raise ZeroDivisionError
        assert server.asked("DELETE", KERNEL) == []
        assert len(server.asked("POST", f"{KERNEL}/terminate")) == 1


def test_outputs_are_read_page_by_page() -> None:
    page = say({"items": [an_output(5, "a"), an_output(6, "b")], "last": 6, "complete": False})
    table = {f"GET {TASK}": say(a_task()), f"GET {TASK}/outputs": page}
    with flaky_server(routes(table)) as server:
        with a_client(server) as yard:
            task = yard.tasks.get(TASK_ID)
            got = task.outputs(after=4, limit=2)
        assert server.requests[1].query == {"after": ["4"], "limit": ["2"]}
    assert [output.text for output in got.items] == ["a", "b"]
    assert (got.last, got.complete) == (6, False)


def test_whole_streams_are_read_as_text() -> None:
    table = {
        f"GET {TASK}": say(a_task()),
        f"GET {TASK}/stdout": Reply("grüße\n".encode(), content_type="text/plain"),
        f"GET {TASK}/stderr": Reply(b"", content_type="text/plain"),
    }
    with flaky_server(routes(table)) as server:
        with a_client(server) as yard:
            task = yard.tasks.get(TASK_ID)
            assert task.stdout() == "grüße\n"
            assert task.stderr() == ""


def test_administrators_change_images_templates_and_tokens() -> None:
    table = {
        "GET /v1/images": say({"items": [{"name": "python3"}], "broken": []}),
        "POST /v1/images": say({"name": "my-python:3", "registered": True}, 201),
        "PATCH /v1/images/conda/r": say({"name": "conda/r", "disabled": True}),
        "GET /v1/images/python3/resources/logo.png": Reply(b"logo", content_type="image/png"),
        "POST /v1/templates": say({"name": "small", "memory_bytes_limit": 1 << 30}, 201),
        "GET /v1/templates": say({"items": [{"name": "default"}], "next_cursor": None}),
        "PATCH /v1/templates/small": say({"name": "small", "gpu": 1}),
        "POST /v1/tokens": say({"id": "t", "name": "ada", "role": "user", "token": "s3"}, 201),
        "GET /v1/tokens": say({"items": [{"id": "t", "name": "ada", "role": "user"}]}),
        "DELETE /v1/tokens/t": Reply(status=204),
    }
    with flaky_server(routes(table)) as server:
        with a_client(server) as yard:
            assert [image.name for image in yard.images.list()] == ["python3"]
            assert yard.images.register("my-python:3", "python3").registered
            assert yard.images.update("conda/r", disabled=True).disabled
            assert yard.images.resource("python3", "logo.png") == b"logo"
            small = yard.templates.create("small", memory_bytes_limit="1Gi")
            assert small.memory_bytes_limit == 1 << 30
            assert [one.name for one in yard.templates.list()] == ["default"]
            assert yard.templates.update("small", gpu=1).gpu == 1
            made = yard.tokens.create("ada")
            assert made.token == "s3"
            assert "s3" not in repr(made)
            assert [one.id for one in yard.tokens.list()] == ["t"]
            yard.tokens.delete("t")
        bodies = {one.path: one.json for one in server.requests if one.body}
    assert bodies["/v1/images"] == {"name": "my-python:3", "from": "python3"}
    assert bodies["/v1/templates"] == {"name": "small", "memory_bytes_limit": "1Gi"}
