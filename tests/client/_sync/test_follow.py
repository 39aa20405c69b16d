# Generated from tests/client/_async/test_follow.py by tools/generate_sync.py: do not edit.
# ruff: noqa: RUF100, SIM117, UP028
"""A follow yields each output exactly once and never ends as if the task had."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernelyard.client import (
    Client,
    FollowInterruptedError,
    Interruption,
    NotFoundError,
    Output,
    RetryPolicy,
    Task,
    UnexpectedAnswerError,
)

from tests.support.flaky_server import HANG_UP, FlakyServer, Reply, Request, flaky_server
from tests.support.yard_answers import (
    TASK_ID,
    Fault,
    Journal,
    a_kernel,
    a_task,
    an_output,
    end_event,
    event,
    refuse,
    say,
)

AT_ONCE = RetryPolicy(first_delay=0.0, silence=5.0)
PATH = f"/v1/tasks/{TASK_ID}"

faults = st.builds(
    Fault,
    cut=st.none() | st.integers(0, 2500),
    repeat=st.integers(0, 5),
    chunked=st.booleans(),
    status=st.sampled_from([200, 200, 200, 502, 503]),
    greets=st.booleans(),
)


def a_client(server: FlakyServer, retries: RetryPolicy = AT_ONCE) -> Client:
    return Client(server.url, "secret", retries=retries)


def a_running_task(yard: Client) -> Task:
    return yard.tasks.get(TASK_ID)


def serving(stream: object) -> object:
    """Answer for the task itself, and leave its stream to ``stream``."""

    def answer(request: Request) -> Reply:
        if request.path == PATH:
            return say(a_task(state="running"))
        assert callable(stream)
        reply = stream(request)
        assert isinstance(reply, Reply)
        return reply

    return answer


def numbers(outputs: Iterator[Output]) -> list[int]:
    return [output.number for output in outputs]


@given(
    steps=st.lists(st.integers(1, 4), max_size=12),
    misfortunes=st.lists(faults, max_size=8),
    data=st.data(),
)
def test_each_output_comes_exactly_once_wherever_streams_are_cut(
    steps: list[int], misfortunes: list[Fault], data: st.DataObject
) -> None:
    wanted = [sum(steps[: index + 1]) for index in range(len(steps))]
    after = data.draw(st.sampled_from([0, *wanted]))
    journal = Journal([an_output(number) for number in wanted], misfortunes)
    with flaky_server(serving(journal)) as server:
        with a_client(server) as yard:
            task = a_running_task(yard)
            seen = numbers(task.follow(after))
    assert seen == [number for number in wanted if number > after]
    assert task.state == "succeeded"


def test_it_comes_back_with_the_number_of_the_last_output() -> None:
    one, two = an_output(4), an_output(9)
    journal = Journal([one, two], [Fault(cut=len(event(one)))])
    with flaky_server(serving(journal)) as server:
        with a_client(server) as yard:
            task = a_running_task(yard)
            assert numbers(task.follow()) == [4, 9]
        first, second = server.asked("GET", f"{PATH}/outputs")
    assert "last-event-id" not in first.headers
    assert second.headers["last-event-id"] == "4"
    assert second.query["after"] == ["4"]


def test_half_an_event_is_never_taken_for_a_whole_one() -> None:
    one = an_output(1, "a long text " * 50)
    journal = Journal([one], [Fault(cut=cut) for cut in (100, 300, len(event(one)) - 1)])
    with flaky_server(serving(journal)) as server:
        with a_client(server) as yard:
            task = a_running_task(yard)
            texts = [output.text for output in task.follow()]
    assert texts == ["a long text " * 50]


def test_a_stream_that_closes_without_the_end_mark_was_cut() -> None:
    def stream(request: Request) -> Reply:
        return Reply(event(an_output(1)), content_type="text/event-stream")

    with flaky_server(serving(stream)) as server:
        with a_client(server) as yard:
            task = a_running_task(yard)
            with pytest.raises(FollowInterruptedError) as caught:
                numbers(task.follow(patience=0.0))
    assert caught.value.last == 1
    assert "after=1" in str(caught.value)


def test_the_end_mark_of_a_kernel_does_not_end_the_follow_of_a_task() -> None:
    journal = Journal([an_output(1)])
    journal.end = end_event("kernel", a_kernel())
    with flaky_server(serving(journal)) as server:
        with a_client(server) as yard:
            task = a_running_task(yard)
            with pytest.raises(FollowInterruptedError):
                numbers(task.follow(patience=0.0))


def test_it_gives_up_when_the_server_stays_away() -> None:
    with flaky_server(serving(lambda request: HANG_UP)) as server:
        with a_client(server, RetryPolicy(first_delay=0.001, following=0.05)) as yard:
            task = a_running_task(yard)
            with pytest.raises(FollowInterruptedError, match="Nothing is lost") as caught:
                numbers(task.follow(after=7))
        assert len(server.requests) > 2
    assert caught.value.last == 7


def test_a_server_that_greets_and_fails_is_given_up_as_well() -> None:
    journal = Journal([], [Fault(cut=10, greets=True)] * 10_000)
    with flaky_server(serving(journal)) as server:
        with a_client(server, RetryPolicy(first_delay=0.001, following=0.05)) as yard:
            task = a_running_task(yard)
            with pytest.raises(FollowInterruptedError):
                numbers(task.follow())


def test_silence_counts_as_a_cut() -> None:
    stalled = Reply(event(an_output(1)), content_type="text/event-stream", chunked=True, stall=True)
    journal = Journal([an_output(1), an_output(2)])
    replies = [stalled]

    def stream(request: Request) -> Reply:
        return replies.pop() if replies else journal(request)

    with flaky_server(serving(stream)) as server:
        with a_client(server, RetryPolicy(first_delay=0.0, silence=0.05)) as yard:
            task = a_running_task(yard)
            assert numbers(task.follow()) == [1, 2]


def test_a_refusal_is_raised_at_once() -> None:
    with flaky_server(serving(lambda request: refuse(404, "task_not_found"))) as server:
        with a_client(server) as yard:
            task = a_running_task(yard)
            with pytest.raises(NotFoundError):
                numbers(task.follow())


def test_an_answer_that_is_no_stream_is_not_taken_for_an_end() -> None:
    page = Reply(b"<html>please log in</html>", content_type="text/html")
    with flaky_server(serving(lambda request: page)) as server:
        with a_client(server) as yard:
            task = a_running_task(yard)
            with pytest.raises(UnexpectedAnswerError, match="text/html"):
                numbers(task.follow())


def test_whoever_wants_to_know_is_told_of_each_interruption() -> None:
    told: list[Interruption] = []
    journal = Journal([an_output(1)], [Fault(cut=0), Fault(status=503)])
    with flaky_server(serving(journal)) as server:
        with a_client(server) as yard:
            task = a_running_task(yard)
            assert numbers(task.follow(on_interruption=told.append)) == [1]
    assert [cut.failures for cut in told] == [1, 2]
    assert "503" in told[1].cause


def test_a_follow_that_is_left_early_can_be_taken_up_from_there() -> None:
    journal = Journal([an_output(number) for number in (1, 2, 3)])
    with flaky_server(serving(journal)) as server:
        with a_client(server) as yard:
            task = a_running_task(yard)
            outputs = task.follow()
            first = next(outputs)
            outputs.close()
            assert numbers(task.follow(after=first.number)) == [2, 3]


def test_a_kernel_can_be_followed_like_a_task() -> None:
    journal = Journal([an_output(1), an_output(2)], [Fault(cut=20)])
    journal.end = end_event("kernel", a_kernel(state="terminated"))

    def answer(request: Request) -> Reply:
        return journal(request) if request.path.endswith("/outputs") else say(a_kernel())

    with flaky_server(answer) as server:
        with a_client(server) as yard:
            kernel = yard.kernels.get("k")
            assert numbers(kernel.follow()) == [1, 2]
    assert kernel.state == "terminated"
