"""Clients in one kernel's lines: nobody's error, death or hurry costs anybody else his requests."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kernelyard.agent.bridge.lines import ABORTED, MOST_SENT, Lines, Request
from kernelyard.wire.multipart import MalformedMessage, Parts
from kernelyard.wire.requests import ClientHeader

from tests.support.agent_process import wait_until

OK, FAILED = b'{"status":"ok"}', b'{"status":"error"}'


class Counter:
    """A kernel that notes what it gets, and clients that note what they are answered."""

    def __init__(self, **limits: int) -> None:
        self.sent: list[str] = []
        self.contents: list[dict[str, Any]] = []
        self.answers: list[tuple[str, object]] = []
        self.rooms = 0
        self.reads = True
        self.lines = Lines(self._send, self._answer, self._room, **limits)

    def ask(self, client: str, msg_id: str, kind: str = "execute_request", **fields: Any) -> None:
        subshell = fields.pop("subshell_id", None)
        header = ClientHeader(msg_id=msg_id, msg_type=kind, subshell_id=subshell)
        raw = json.dumps({"msg_id": msg_id}).encode()
        parts = Parts(raw, b"{}", b"{}", json.dumps({"code": "1", **fields}).encode())
        self.lines.take(Request(client.encode(), header, parts))

    def reply(self, client: str, msg_id: str, content: bytes = OK) -> None:
        self.lines.on_reply(client.encode(), msg_id, "execute_reply", content)

    def _send(self, parts: Parts) -> bool:
        if json.loads(parts.content)["code"] == "refused":
            raise MalformedMessage("it is nonsense")
        if self.reads:
            (client,) = parts.identities
            self.sent.append(f"{client.decode()}{json.loads(parts.header)['msg_id']}")
            self.contents.append(json.loads(parts.content))
        return self.reads

    def _answer(self, request: Request, content: object) -> None:
        self.answers.append((f"{request.client.decode()}{request.header.msg_id}", content))

    def _room(self) -> None:
        self.rooms += 1


@pytest.fixture
def counter() -> Counter:
    made = Counter()
    made.lines.open()
    return made


def test_requests_wait_until_the_kernel_can_be_heard() -> None:
    counter = Counter()
    counter.ask("a", "1", "kernel_info_request")
    assert counter.sent == []
    counter.lines.open()
    assert counter.sent == ["a1"]


def test_an_error_gives_up_what_the_same_client_has_queued_and_nothing_else(
    counter: Counter,
) -> None:
    for client, msg_id in (("a", "1"), ("a", "2"), ("b", "3")):
        counter.ask(client, msg_id)
    counter.ask("a", "4", "complete_request")
    assert counter.sent == ["a1", "b3"]
    assert {content["stop_on_error"] for content in counter.contents} == {False}
    counter.reply("a", "1", FAILED)
    assert counter.answers == [("a2", ABORTED)]
    assert counter.sent == ["a1", "b3", "a4"]


def test_a_request_that_must_not_be_passed_on_is_answered_and_holds_nobody_up() -> None:
    counter = Counter()
    counter.ask("a", "1", code="refused", stop_on_error=False)
    counter.ask("a", "2")
    counter.ask("b", "3", code="refused")
    counter.ask("b", "4")
    counter.ask("b", "5", "complete_request")
    counter.lines.open()
    assert [name for name, _ in counter.answers] == ["a1", "b3", "b4"]
    assert counter.answers[0][1] == counter.answers[1][1]
    assert "nonsense" in str(counter.answers[0][1])
    assert counter.answers[2][1] == ABORTED
    assert counter.sent == ["a2", "b5"]
    assert not counter.lines.full


def test_code_that_goes_on_after_errors_does(counter: Counter) -> None:
    counter.ask("a", "1", stop_on_error=False)
    counter.ask("a", "2")
    counter.reply("a", "1", FAILED)
    assert counter.sent == ["a1", "a2"]
    assert counter.answers == []


def test_requests_of_a_client_that_cannot_hear_wait_and_delay_nobody(counter: Counter) -> None:
    counter.lines.hold(b"a")
    counter.ask("a", "1")
    counter.ask("b", "2")
    assert counter.sent == ["b2"]
    counter.lines.release(b"a")
    assert counter.sent == ["b2", "a1"]


def test_requests_of_a_client_keep_their_order(counter: Counter) -> None:
    counter.ask("a", "1")
    counter.ask("a", "2", "complete_request")
    counter.ask("a", "3")
    assert counter.sent == ["a1"]
    counter.reply("a", "1")
    assert counter.sent == ["a1", "a2", "a3"]


def test_what_is_for_a_subshell_does_not_wait(counter: Counter) -> None:
    counter.ask("a", "1")
    counter.ask("a", "2", subshell_id="s")
    assert counter.sent == ["a1", "a2"]


def test_a_death_answers_what_was_sent_and_keeps_what_was_not(counter: Counter) -> None:
    counter.ask("a", "1", stop_on_error=False)
    counter.ask("a", "2")
    counter.ask("b", "3", "complete_request")
    counter.lines.shut()
    counter.lines.lose("lost", everything=False)
    assert counter.answers == [("a1", "lost"), ("b3", "lost")]
    counter.lines.open()
    assert counter.sent == ["a1", "b3", "a2"]


def test_the_end_answers_everything(counter: Counter) -> None:
    counter.ask("a", "1", stop_on_error=False)
    counter.ask("a", "2")
    counter.lines.shut()
    counter.lines.lose("over", everything=True)
    assert counter.answers == [("a1", "over"), ("a2", "over")]
    assert not counter.lines.executing


def test_a_reply_that_the_kernel_has_forgotten_holds_nobody_up(counter: Counter) -> None:
    counter.ask("a", "1", stop_on_error=False)
    counter.ask("b", "2")
    settle = counter.lines.doubt()
    counter.reply("b", "2")
    counter.ask("b", "3")
    settle()
    assert counter.answers == [("a1", ABORTED)]
    counter.reply("a", "1")
    assert counter.answers == [("a1", ABORTED)]
    assert counter.lines.executing


def test_who_asks_too_much_is_told_to_wait_until_there_is_room() -> None:
    counter = Counter(most_held=2)
    counter.lines.open()
    for number in range(5):
        counter.ask("a", str(number))
    assert counter.lines.full
    for number in range(4):
        counter.reply("a", str(number))
    assert not counter.lines.full
    assert counter.rooms == 1


async def test_a_kernel_that_does_not_read_is_tried_again(counter: Counter) -> None:
    counter.reads = False
    counter.ask("a", "1")
    assert counter.sent == []
    counter.reads = True
    await wait_until(lambda: bool(counter.sent))
    counter.lines.close()


def test_code_that_runs_for_long_keeps_its_line_whatever_others_ask(counter: Counter) -> None:
    counter.ask("a", "1")
    counter.ask("a", "1", "complete_request", subshell_id="s")
    for number in range(MOST_SENT):
        counter.ask("b", f"{number}", "is_complete_request")
    counter.ask("a", "2")
    counter.reply("a", "1")
    assert counter.sent[-1] == "a2"
    counter.reply("a", "2")
    assert not counter.lines.executing
