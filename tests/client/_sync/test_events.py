# Generated from tests/client/_async/test_events.py by tools/generate_sync.py: do not edit.
# ruff: noqa: RUF100, SIM117, UP028
"""Events of the whole server: listed page by page, followed without an end, each exactly once."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing

import pytest

from kernelyard.client import (
    Client,
    Event,
    FollowInterruptedError,
    InvalidRequestError,
    NotFoundError,
    RetryPolicy,
)

from tests.support.flaky_server import Reply, Request, flaky_server
from tests.support.yard_answers import AT, KERNEL_ID, TASK_ID, Json, a_kernel, event, refuse, say

AT_ONCE = RetryPolicy(first_delay=0.0, silence=5.0)
PATH = "/v1/events"


def a_change(number: int, **fields: object) -> Json:
    change = {"number": number, "at": AT, "kernel_id": KERNEL_ID, "task_id": TASK_ID}
    return {**change, "state": "running", "reason": None, **fields}


class Server:
    """Serves changes as pages and as streams; streams are cut after so many bytes, in turn."""

    def __init__(self, numbers: Sequence[int], cuts: Sequence[int] = ()) -> None:
        self.numbers = numbers
        self.cuts = list(cuts)

    def __call__(self, request: Request) -> Reply:
        if request.path != PATH:
            return say(a_kernel())
        behind = [number for number in self.numbers if number > request.after]
        if "text/event-stream" in request.headers["accept"]:
            cut = self.cuts.pop(0) if self.cuts else None
            body = b": ready\n\n" + b"".join(event(a_change(number)) for number in behind)
            kind = "text/event-stream; charset=utf-8"
            return Reply(body, content_type=kind, cut=cut, chunked=True, stall=cut is None)
        items = behind[: int(request.query["limit"][0])]
        last = items[-1] if items else request.after
        page = {"items": [a_change(number) for number in items], "last": last}
        return say({**page, "newest": self.numbers[-1]})


def a_client(url: str, retries: RetryPolicy = AT_ONCE) -> Client:
    return Client(url, "secret", retries=retries)


def first(count: int, events: Generator[Event, None]) -> list[int]:
    """The numbers of the first events; then the follow is left."""
    numbers: list[int] = []
    with closing(events):
        for one in events:
            numbers.append(one.number)
            if len(numbers) == count:
                break
    return numbers


def test_each_event_comes_exactly_once_wherever_streams_are_cut() -> None:
    numbers = [2, 3, 5, 8, 13]
    length = len(event(a_change(2)))
    for cut in range(0, 3 * length, 41):
        with flaky_server(Server(numbers, [cut, cut + length, 0])) as server:
            with a_client(server.url) as yard:
                assert first(5, yard.events.follow()) == numbers
                assert first(2, yard.events.follow(after=5)) == [8, 13]


def test_it_comes_back_with_the_number_of_the_last_event_and_the_same_filter() -> None:
    cut = len(b": ready\n\n") + len(event(a_change(4)))
    with flaky_server(Server([4, 9], [cut])) as server:
        with a_client(server.url) as yard:
            kernel = yard.kernels.get(KERNEL_ID)
            assert first(2, yard.events.follow(kernel=kernel)) == [4, 9]
        begun, back = server.asked("GET", PATH)
    assert "last-event-id" not in begun.headers
    assert (back.headers["last-event-id"], back.query["after"]) == ("4", ["4"])
    assert begun.query["kernel"] == back.query["kernel"] == [KERNEL_ID]


def test_an_event_tells_what_changed() -> None:
    with flaky_server(Server([1])) as server:
        with a_client(server.url) as yard:
            for one in yard.events.list():
                assert (one.kernel_id, one.task_id) == (KERNEL_ID, TASK_ID)
                assert (one.state, one.reason, one.at.microsecond) == ("running", None, 678901)


def test_a_list_reads_page_after_page_and_ends() -> None:
    numbers = list(range(3, 30, 3))
    with flaky_server(Server(numbers)) as server:
        with a_client(server.url) as yard:
            listed = [one.number for one in yard.events.list(page_size=4)]
            behind = [one.number for one in yard.events.list(12, kernel="k", page_size=4)]
            assert yard.events.newest() == 27
        assert len(server.asked("GET", PATH)) == 3 + 2 + 1
    assert listed == numbers
    assert behind == numbers[4:]


def test_a_follow_gives_up_when_the_server_stays_away() -> None:
    with flaky_server(Server([1], [0] * 10_000)) as server:
        with a_client(server.url, RetryPolicy(first_delay=0.001)) as yard:
            with pytest.raises(FollowInterruptedError, match="after=7") as caught:
                first(1, yard.events.follow(after=7, patience=0.05))
    assert caught.value.last == 7


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (404, "kernel_not_found", NotFoundError),
        (400, "cursor_beyond_end", InvalidRequestError),
    ],
)
def test_a_refusal_is_raised_at_once(status: int, code: str, error: type[Exception]) -> None:
    with flaky_server(lambda request: refuse(status, code)) as server:
        with a_client(server.url) as yard:
            with pytest.raises(error):
                first(1, yard.events.follow(kernel="gone"))
