"""A kernel is ready when it has answered and was heard on iopub."""

from __future__ import annotations

import itertools

import pytest

from kernelyard.wire.messages import Message
from kernelyard.wire.readiness import Readiness

INFO = Message("kernel_info_reply", "r", "asked", b'{"status":"ok"}')
WELCOME = Message("iopub_welcome", "w", "", b"{}")
IDLE = Message("status", "i", "asked", b'{"execution_state":"idle"}')


def a_probe(*, in_order: bool = False) -> Readiness:
    readiness = Readiness(in_order=in_order)
    readiness.asked("asked")
    return readiness


def test_it_takes_a_reply_and_anything_on_iopub_in_either_order() -> None:
    first = a_probe()
    first.on_shell(INFO)
    assert not first.ready
    first.on_iopub(WELCOME)
    assert first.ready
    second = a_probe()
    second.on_iopub(WELCOME)
    assert not second.ready
    second.on_shell(INFO)
    assert second.ready
    assert second.info == INFO.content


def test_the_reply_to_another_question_is_no_answer() -> None:
    readiness = a_probe()
    readiness.on_iopub(WELCOME)
    readiness.on_shell(Message("kernel_info_reply", "r", "somebody else's", b"{}"))
    readiness.on_shell(Message("execute_reply", "r", "asked", b"{}"))
    assert not readiness.ready


@pytest.mark.parametrize(
    "heard",
    [
        WELCOME,
        Message("stream", "s", "other", b"{}"),
        Message("status", "b", "asked", b'{"execution_state":"busy"}'),
        Message("status", "i", "other", b'{"execution_state":"idle"}'),
    ],
)
def test_in_order_only_the_idle_mark_of_the_question_counts(heard: Message) -> None:
    readiness = a_probe(in_order=True)
    readiness.on_shell(INFO)
    readiness.on_iopub(heard)
    assert not readiness.ready
    readiness.on_iopub(IDLE)
    assert readiness.ready


def test_the_answer_to_any_of_several_questions_will_do() -> None:
    readiness = a_probe(in_order=True)
    readiness.asked("again")
    readiness.on_iopub(Message("status", "i", "again", b'{"execution_state":"idle"}'))
    readiness.on_shell(INFO)
    assert readiness.ready


def test_it_listens_longer_each_time_up_to_a_second() -> None:
    readiness = a_probe()
    waits = [readiness.next_wait() for _ in range(8)]
    assert all(one <= two for one, two in itertools.pairwise(waits))
    assert waits[0] == pytest.approx(0.1)
    assert waits[-1] == pytest.approx(1.0)
