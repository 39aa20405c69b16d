"""Requests are sent again when that is safe, never when it is not, and not for ever."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from kernelyard.client import (
    AsyncClient,
    AuthenticationError,
    ConflictError,
    ConnectionFailedError,
    InvalidRequestError,
    NotFoundError,
    RetryPolicy,
    ServerError,
    UnavailableError,
    UnexpectedAnswerError,
)

from tests.support.flaky_server import HANG_UP, FlakyServer, Reply, Request, flaky_server
from tests.support.yard_answers import KERNEL_ID, TASK_ID, a_kernel, a_result, a_task, refuse, say

SOON = RetryPolicy(first_delay=0.001, total=10.0)
BRIEF = RetryPolicy(first_delay=0.001, total=0.5, first_contact=0.5)


def a_client(server: FlakyServer, retries: RetryPolicy = SOON) -> AsyncClient:
    return AsyncClient(server.url, "secret", retries=retries)


class InTurn:
    """Answers with each reply in turn; the last one stays."""

    def __init__(self, replies: Sequence[Reply]) -> None:
        self._replies = list(replies)

    def __call__(self, request: Request) -> Reply:
        return self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]


def first_a_kernel(*replies: Reply) -> object:
    return InTurn([say(a_kernel()), *replies])


async def test_every_request_carries_the_token() -> None:
    with flaky_server(InTurn([say({"name": "ada", "role": "admin", "server": "1"})])) as server:
        async with a_client(server) as yard:
            assert (await yard.whoami()).name == "ada"
        assert server.requests[0].headers["authorization"] == "Bearer secret"


async def test_a_submission_that_was_cut_is_sent_again_with_the_same_key() -> None:
    cut = Reply(b"{}" * 50, cut=3)
    with flaky_server(first_a_kernel(HANG_UP, cut, refuse(503, "x"), say(a_task(), 201))) as server:
        async with a_client(server) as yard:
            kernel = await yard.kernels.get(KERNEL_ID)
            task = await kernel.submit("1")
        keys = {one.headers["idempotency-key"] for one in server.requests[1:]}
        assert len(server.requests) == 5
    assert task.id == TASK_ID
    assert len(keys) == 1


async def test_two_submissions_have_two_keys_and_a_given_key_is_used() -> None:
    with flaky_server(first_a_kernel(say(a_task()))) as server:
        async with a_client(server) as yard:
            kernel = await yard.kernels.get(KERNEL_ID)
            await kernel.submit("1")
            await kernel.submit("1")
            await kernel.submit("1", idempotency_key="mine")
        keys = [one.headers["idempotency-key"] for one in server.requests[1:]]
    assert len(set(keys)) == 3
    assert keys[2] == "mine"


INTERRUPTED = Reply(b'{"outcome": "effective", "restarting": false}')


async def test_an_interrupt_that_may_have_arrived_is_not_repeated() -> None:
    with flaky_server(first_a_kernel(HANG_UP, INTERRUPTED)) as server:
        async with a_client(server) as yard:
            kernel = await yard.kernels.get(KERNEL_ID)
            with pytest.raises(ConnectionFailedError) as caught:
                await kernel.interrupt()
        assert len(server.requests) == 2
    assert "look before you repeat" in "".join(caught.value.__notes__)


async def test_an_interrupt_that_was_put_off_is_repeated() -> None:
    with flaky_server(first_a_kernel(refuse(503, "unavailable"), INTERRUPTED)) as server:
        async with a_client(server) as yard:
            result = await (await yard.kernels.get(KERNEL_ID)).interrupt()
            assert (result.outcome, result.restarting) == ("effective", False)
        assert len(server.requests) == 3


async def test_a_delete_whose_answer_was_lost_is_not_an_error() -> None:
    with flaky_server(first_a_kernel(HANG_UP, refuse(404, "kernel_not_found"))) as server:
        async with a_client(server) as yard:
            kernel = await yard.kernels.get(KERNEL_ID)
            await kernel.delete()
            with pytest.raises(NotFoundError):
                await kernel.delete()


async def test_a_cancel_whose_answer_was_lost_is_not_an_error() -> None:
    finished = refuse(409, "task_finished")
    cancelled = say(a_task(state="cancelled", cancel_requested=True))
    with flaky_server(InTurn([say(a_task()), HANG_UP, finished, cancelled])) as server:
        async with a_client(server) as yard:
            task = await (await yard.tasks.get(TASK_ID)).cancel()
    assert task.state == "cancelled"


async def test_cancel_of_a_finished_task_is_an_error_even_if_it_was_cancelled_before() -> None:
    cancelled = say(a_task(state="cancelled", cancel_requested=True))
    with flaky_server(InTurn([cancelled, refuse(409, "task_finished"), cancelled])) as server:
        async with a_client(server) as yard:
            task = await yard.tasks.get(TASK_ID)
            with pytest.raises(ConflictError) as caught:
                await task.cancel()
    assert caught.value.code == "task_finished"


async def test_a_server_that_stays_unavailable_is_given_up() -> None:
    with flaky_server(InTurn([refuse(503, "unavailable", "Not now.")])) as server:
        async with a_client(server, BRIEF) as yard:
            with pytest.raises(UnavailableError, match="Not now"):
                await yard.whoami()
        assert len(server.requests) > 1


async def test_without_retries_a_request_is_sent_once() -> None:
    with flaky_server(InTurn([HANG_UP])) as server:
        async with a_client(server, RetryPolicy(total=0.0)) as yard:
            with pytest.raises(ConnectionFailedError, match="kernelyard serve"):
                await yard.whoami()
        assert len(server.requests) == 1


async def test_a_fault_of_the_server_is_not_hidden_by_retries() -> None:
    with flaky_server(InTurn([refuse(500, "internal")])) as server:
        async with a_client(server) as yard:
            with pytest.raises(ServerError) as caught:
                await yard.whoami()
        assert len(server.requests) == 1
    assert caught.value.request_id == "r1"


async def test_a_server_that_was_never_there_is_given_up_sooner() -> None:
    with flaky_server(InTurn([HANG_UP])) as server:
        url = server.url
    retries = RetryPolicy(first_delay=0.001, total=600.0, first_contact=0.02)
    async with AsyncClient(url, "secret", retries=retries) as yard:
        with pytest.raises(ConnectionFailedError, match=url):
            await yard.whoami()


async def test_a_wrong_token_says_where_tokens_come_from() -> None:
    with flaky_server(
        InTurn([refuse(401, "unauthenticated", "A valid token is needed.")])
    ) as server:
        async with AsyncClient(server.url, "wrong", retries=SOON) as yard:
            with pytest.raises(AuthenticationError, match="KERNELYARD_TOKEN") as caught:
                await yard.whoami()
    assert caught.value.status == 401


async def test_a_page_of_some_other_server_is_told_as_such() -> None:
    page = Reply(b"<html></html>", content_type="text/html")
    moved = Reply(status=302, headers={"Location": "https://elsewhere.example/"})
    with flaky_server(InTurn([page, moved])) as server:
        async with a_client(server) as yard:
            with pytest.raises(UnexpectedAnswerError, match="kernelyard server"):
                await yard.whoami()
            with pytest.raises(Exception, match="redirects to https://elsewhere.example/"):
                await yard.whoami()


async def test_ids_with_slashes_and_dots_stay_in_their_place() -> None:
    with flaky_server(InTurn([refuse(404, "kernel_not_found")])) as server:
        async with a_client(server) as yard:
            for name in ("../tokens", "..", ".", "a/b?c#d", "ü"):
                with pytest.raises(NotFoundError):
                    await yard.kernels.get(name)
            with pytest.raises(InvalidRequestError):
                await yard.kernels.get("")
        paths = [one.raw_path for one in server.requests]
    assert paths == [
        "/v1/kernels/..%2Ftokens",
        "/v1/kernels/%2E%2E",
        "/v1/kernels/%2E",
        "/v1/kernels/a%2Fb%3Fc%23d",
        "/v1/kernels/%C3%BC",
    ]


async def test_health_tells_a_server_that_is_not_ready_from_none() -> None:
    with flaky_server(InTurn([say({}), refuse(503, "unavailable", "Disk full.")])) as server:
        async with a_client(server) as yard:
            assert (await yard.health()).ready
            tired = await yard.health()
        url = server.url
    assert not tired.ready
    assert tired.detail == "Disk full."
    async with AsyncClient(url, "secret") as yard:
        with pytest.raises(ConnectionFailedError):
            await yard.health()


async def test_a_local_server_that_came_back_on_another_port_is_found(tmp_path: Path) -> None:
    def runs_at(url: str) -> None:
        (tmp_path / "token").write_text("local\n")
        said = {"url": url, "token_file": str(tmp_path / "token")}
        (tmp_path / "server.json").write_text(json.dumps(said))

    whoami = say({"name": "ada", "role": "admin"})
    with flaky_server(InTurn([whoami])) as server:
        runs_at(server.url)
        yard = AsyncClient(data_dir=tmp_path, retries=SOON)
        await yard.whoami()
    with flaky_server(InTurn([whoami])) as server:
        runs_at(server.url)
        await yard.whoami()
        assert server.requests[0].headers["authorization"] == "Bearer local"
        assert yard.url == server.url
    await yard.close()


async def test_a_run_that_was_cut_is_sent_again_with_the_same_key_for_as_long_as_a_wait() -> None:
    patient = RetryPolicy(first_delay=0.001, total=0.0, following=10.0)
    replies = (HANG_UP, HANG_UP, refuse(503, "x"), say(a_result(stdout="once\n")))
    with flaky_server(first_a_kernel(*replies)) as server:
        async with a_client(server, patient) as yard:
            kernel = await yard.kernels.get(KERNEL_ID)
            assert (await kernel.run("1")).stdout == "once\n"
        keys = [one.headers["idempotency-key"] for one in server.requests if one.method == "POST"]
    assert len(keys) == 4
    assert len(set(keys)) == 1


@pytest.mark.parametrize("name", ["HTTP_PROXY", "ALL_PROXY"])
async def test_a_proxy_is_not_asked_for_a_server_on_this_machine(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "http://127.0.0.1:9")
    with flaky_server(InTurn([say({"name": "ada", "role": "admin"})])) as server:
        async with a_client(server, BRIEF) as yard:
            assert (await yard.whoami()).name == "ada"


async def test_a_proxy_is_asked_for_a_server_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    with flaky_server(InTurn([say({"name": "ada", "role": "admin"})])) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        async with AsyncClient("http://yard.invalid:81", "secret", retries=BRIEF) as yard:
            assert (await yard.whoami()).name == "ada"
        assert proxy.requests[0].headers["host"] == "yard.invalid:81"


async def test_requests_have_the_headers_that_servers_need() -> None:
    with flaky_server(first_a_kernel(INTERRUPTED, say(a_task()))) as server:
        async with a_client(server) as yard:
            kernel = await yard.kernels.get(KERNEL_ID)
            await kernel.interrupt()
            await kernel.submit("1")
        asked, empty, full = server.requests
    for request in (asked, empty, full):
        assert f"http://{request.headers['host']}" == server.url
        assert request.headers["user-agent"].startswith("kernelyard/")
    assert "content-length" not in asked.headers
    assert empty.headers["content-length"] == str(len(empty.body))
    assert full.headers["content-length"] == str(len(full.body))
    assert full.headers["content-type"] == "application/json"


async def test_a_cookie_that_is_set_on_the_way_is_given_back() -> None:
    body = say({"name": "ada", "role": "admin"}).body
    sticky = Reply(body, headers={"Set-Cookie": "route=a; Path=/"})
    with flaky_server(InTurn([sticky, Reply(body)])) as server:
        async with a_client(server) as yard:
            await yard.whoami()
            await yard.whoami()
            await yard.whoami()
    cookies = [request.headers.get("cookie") for request in server.requests]
    assert cookies == [None, "route=a", "route=a"]


async def test_a_client_that_is_closed_sends_nothing() -> None:
    with flaky_server(InTurn([say({"name": "ada", "role": "admin"})])) as server:
        yard = a_client(server)
        await yard.whoami()
        await yard.close()
        with pytest.raises(RuntimeError, match="closed"):
            await yard.whoami()
        assert len(server.requests) == 1
