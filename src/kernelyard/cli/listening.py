"""The listening socket and the HTTP server on it."""

from __future__ import annotations

import asyncio
import errno
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from kernelyard.cli.complaints import Complaint

BACKLOG = 2048
_PING_SECONDS = 30
_PONG_SECONDS = 60
"""How long a WebSocket client may take to answer a ping: a reader that is slow answers late."""
_GRACE_SECONDS = 3
"""How long open streams may go on once the server is told to end; clients come back by themselves."""


def bind(host: str, port: int) -> socket.socket:
    """Return a bound socket. Raises Complaint with what to do."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        raise Complaint(f"'{host}' is not an address of this machine: correct --host") from error
    listener = socket.socket(family, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise Complaint(_bind_sentence(error, host, port)) from error
    listener.setblocking(False)
    return listener


def url_of(listener: socket.socket, base_url: str) -> str:
    """The address that a client on this machine can use."""
    host, port = listener.getsockname()[:2]
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared only
    return f"http://{f'[{reachable}]' if ':' in reachable else reachable}:{port}{base_url}"


class Listening(uvicorn.Server):
    """Serves an application until it is told to end, and tells when it has begun."""

    def __init__(
        self,
        app: Any,
        on_listening: Callable[[], None],
        hang_up: Callable[[], None],
        *,
        largest_message: int,
    ) -> None:
        """``hang_up`` is to end the streams that are open; it is called when the end begins.

        ``largest_message`` is what a WebSocket client may send at once, in bytes.
        """
        self._on_listening = on_listening
        self._hang_up = hang_up
        super().__init__(
            uvicorn.Config(
                app,
                http="httptools",
                ws="websockets-sansio",
                ws_max_size=largest_message,
                ws_per_message_deflate=False,
                ws_ping_interval=_PING_SECONDS,
                ws_ping_timeout=_PONG_SECONDS,
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=_GRACE_SECONDS,
                backlog=BACKLOG,
            )
        )

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_listening()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """End in order on SIGTERM and Ctrl-C, at once on the second; never raise them again."""
        loop = asyncio.get_running_loop()
        signals = (signal.SIGINT, signal.SIGTERM)
        for one in signals:
            loop.add_signal_handler(one, self._told_to_end)
        try:
            yield
        finally:
            for one in signals:
                loop.remove_signal_handler(one)

    def _told_to_end(self) -> None:
        self.force_exit = self.should_exit
        self.should_exit = True
        self._hang_up()


def _bind_sentence(error: OSError, host: str, port: int) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return (
                f"port {port} on {host} is in use: choose another with --port, or --port 0 for a "
                "free one"
            )
        case errno.EACCES:
            return f"port {port} needs more rights than you have: choose one over 1023 with --port"
        case errno.EADDRNOTAVAIL:
            return f"'{host}' is not an address of this machine: correct --host"
        case _:
            return f"cannot listen on {host}:{port}: {error.strerror}"
