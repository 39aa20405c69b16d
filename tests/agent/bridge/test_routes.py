"""Replies find their way back, whatever kernels keep of the identities."""

from __future__ import annotations

from kernelyard.agent.bridge.routes import MOST_KEPT, Routes
from kernelyard.wire.multipart import Parts

BARE = Parts(b"", b"", b"", b"")


def test_an_identity_wins_over_what_is_remembered() -> None:
    routes = Routes()
    routes.note("1", b"a")
    assert routes.client_of(Parts(b"", b"", b"", b"", (), (b"b",)), "1") == b"b"


def test_a_reply_without_identity_is_known_by_its_request() -> None:
    routes = Routes()
    routes.note("1", b"a")
    assert routes.client_of(BARE, "1") == b"a"
    assert routes.client_of(BARE, "2") is None


def test_the_oldest_are_forgotten() -> None:
    routes = Routes()
    for number in range(MOST_KEPT + 1):
        routes.note(str(number), b"a")
    assert routes.client_of(BARE, "0") is None
    assert routes.client_of(BARE, str(MOST_KEPT)) == b"a"
