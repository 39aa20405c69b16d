"""Credit: what the kernel has not dealt with is counted · a sign of one is a sign of all before it."""

from __future__ import annotations

from kernelyard.agent.relay.credit import Credit


def test_it_is_used_up_by_messages_and_by_bytes() -> None:
    few, large = Credit(2, 1000), Credit(1000, 10)
    for credit in (few, large):
        credit.spend("1", 6)
        assert not credit.used_up
        credit.spend("2", 6)
        assert credit.used_up


def test_a_sign_of_one_is_a_sign_of_all_before_it() -> None:
    credit = Credit(3, 1000)
    for msg_id in ("1", "2", "3"):
        credit.spend(msg_id, 1)
    credit.settle("2")
    assert not credit.used_up
    credit.spend("4", 1)
    credit.settle("unknown")
    assert not credit.used_up
    credit.spend("5", 1)
    assert credit.used_up
    credit.clear()
    assert not credit.used_up
