"""Whether a kernel can be joined from here is found out before anybody waits for it in vain."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import zmq

from kernelyard.provisioner import reach
from kernelyard.provisioner.reach import has_heartbeat, is_here


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8700", "http://localhost:8700/base", "http://[::1]:8700"]
)
def test_loopback_is_here(url: str) -> None:
    assert is_here(url)


@pytest.mark.parametrize("url", ["http://192.0.2.1:8700", "http://no-such-host.invalid", "yard"])
def test_another_machine_is_not_here(url: str) -> None:
    assert not is_here(url)


@pytest.fixture
def heart() -> Iterator[int]:
    """The port of something that sends everything back."""
    with zmq.Context() as context, context.socket(zmq.REP) as socket:
        port = socket.bind_to_random_port("tcp://127.0.0.1")

        def beat() -> None:
            socket.send(socket.recv())

        thread = threading.Thread(target=beat)
        thread.start()
        yield port
        thread.join()


def test_a_heart_that_beats_is_heard(heart: int) -> None:
    assert has_heartbeat({"transport": "tcp", "ip": "127.0.0.1", "hb_port": heart})


def test_silence_is_no_heartbeat(monkeypatch: pytest.MonkeyPatch) -> None:
    with zmq.Context() as context, context.socket(zmq.ROUTER) as deaf:
        port = deaf.bind_to_random_port("tcp://127.0.0.1")
        monkeypatch.setattr(reach, "HEARTBEAT_SECONDS", 0.1)
        assert not has_heartbeat({"transport": "tcp", "ip": "127.0.0.1", "hb_port": port})
