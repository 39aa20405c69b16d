"""The nanny's messages: what a record tells, and which signals there are."""

from __future__ import annotations

import signal

import pytest

from kernelyard.model.records import Record, RecordKind
from kernelyard.wire import nanny


def told(body: bytes, kind: RecordKind = RecordKind.KERNEL_RESTARTING) -> nanny.Told:
    return nanny.read_told(Record(1, 10, 0, kind, body))


def test_an_event_says_what_the_record_says() -> None:
    record = told(
        b'{"attempt":2,"reason":"its process was killed by SIGKILL","cause":"died",'
        b'"exit_code":null,"signal":"SIGKILL","more":1}'
    )
    event = nanny.event_of("k", record, restarting=True)
    assert (event.kernel_id, event.attempt, event.signal) == ("k", 2, "SIGKILL")
    assert nanny.was_death(record)
    assert event.sentence(nanny.DIED) == (
        "The kernel ended: its process was killed by SIGKILL, and is being started again."
    )


def test_the_log_that_a_reason_quotes_is_not_told_to_clients() -> None:
    record = told(b'{"reason":"exited by itself with code 7; its log ends with:\\nboom\\n"}')
    assert nanny.event_of("k", record).reason == "exited by itself with code 7"


def test_a_restart_that_somebody_asked_for_is_no_death() -> None:
    assert not nanny.was_death(told(b'{"attempt":2,"reason":"by ada","cause":"restarted"}'))


def test_a_record_that_cannot_be_read_is_told_without_reason() -> None:
    assert told(b"\xff") == told(b"[]") == nanny.Told()


@pytest.mark.parametrize("named", ["SIGINT", "int", 2, "sigint"])
def test_signals_have_names_and_numbers(named: object) -> None:
    assert nanny.signal_number(named) == signal.SIGINT


@pytest.mark.parametrize("named", [None, True, 1.5, "", "SIGWHAT", 0, -1, 5000, "9"])
def test_what_is_no_signal_is_refused(named: object) -> None:
    with pytest.raises(ValueError, match="signal"):
        nanny.signal_number(named)
