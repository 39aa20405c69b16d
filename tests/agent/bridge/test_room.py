"""What may wait for slow clients is bounded for each and for all, with a reserve for small messages."""

from __future__ import annotations

from dataclasses import dataclass

from kernelyard.agent.bridge.room import MIB, Room


@dataclass(eq=False)
class Client:
    waiting: int = 0
    borrowed: int = 0


def test_whoever_reads_gets_messages_of_any_size_that_fits_into_the_memory_of_all() -> None:
    room = Room(most_each=MIB, most_in_all=60 * MIB)
    assert room.has(Client(), 50 * MIB)
    assert not room.has(Client(), 61 * MIB)


def test_a_slow_client_has_its_bound_and_small_messages_a_reserve() -> None:
    room, slow = Room(most_each=10 * MIB), Client(40 * MIB)
    assert not room.has(slow, 100_000)
    small = 50_000
    sent = 0
    while room.has(slow, small):
        sent += small
    assert 7 * MIB < sent <= 8 * MIB
    slow.waiting = 0
    assert room.has(slow, small)
    slow.waiting = 40 * MIB
    assert room.has(slow, small)


def test_all_slow_clients_share_a_bound_until_they_read() -> None:
    room = Room(most_each=10 * MIB, most_in_all=15 * MIB)
    one, two = Client(8 * MIB), Client(7 * MIB)
    assert room.has(one, MIB)
    assert not room.has(two, MIB)
    assert room.has(two, 1000)
    one.waiting = 0
    assert room.has(two, MIB)
