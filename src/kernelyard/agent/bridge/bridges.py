"""The bridges of one agent: opened when asked for, opened again by the next agent, closed with their kernels.

Ports and key of a bridge lie in the kernel's directory for as long as it is open.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import zmq

from kernelyard.agent.bridge.bridge import Bridge, Kernel
from kernelyard.agent.bridge.listening import LOOPBACK, bind_loopback
from kernelyard.agent.bridge.room import Room
from kernelyard.agent.connection import read_connection, write_connection
from kernelyard.agent.disk import storage_error
from kernelyard.agent.logs import Log
from kernelyard.model.errors import LimitReached
from kernelyard.wire.connections import Connection

MOST_BRIDGES = 256
FILE = "bridge.json"


@dataclass(frozen=True, slots=True)
class _Open:
    bridge: Bridge
    connection: Connection
    file: Path
    serving: asyncio.Task[None]


class Bridges:
    """Finds the bridge of a kernel."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], log: Log) -> None:
        self._context = context
        self._log = log
        self._open: dict[str, _Open] = {}
        self._one_at_a_time = asyncio.Lock()
        self._room = Room()

    async def open(self, kernel: Kernel, folder: Path, name: str) -> Connection:
        """Return how to join a kernel; its bridge is opened unless it is open.

        Raises LimitReached, StorageFull, YardError.
        """
        async with self._one_at_a_time:
            known = self._open.get(kernel.id)
            if known is not None:
                return known.connection
            if len(self._open) >= MOST_BRIDGES:
                raise LimitReached(
                    f"Plain Jupyter clients can join at most {MOST_BRIDGES} kernels of an agent. "
                    "Close the connection of a kernel that no longer needs it."
                )
            try:
                return await self._opened(kernel, folder / FILE, name)
            except OSError as error:
                raise storage_error(error) from error

    async def close(self, kernel_id: str, folder: Path) -> None:
        """Close a bridge for good: its key is worth nothing from now on.

        One that could not be opened again after a death of the agent is not to be opened by the next.
        """
        async with self._one_at_a_time:
            known = self._open.get(kernel_id)
            if known is not None:
                await _ended(known.serving)
            (folder / FILE).unlink(missing_ok=True)

    async def recover(self, home: Path, kernels: Iterable[tuple[Kernel, str]]) -> None:
        """Open the bridges again that an earlier agent had open, with the keys they had.

        ``home`` has the directories of all kernels, by their ids.
        """
        living = {kernel.id: (kernel, name) for kernel, name in kernels}
        for file in _kept_in(home):
            if file.parent.name not in living:
                file.unlink(missing_ok=True)
                continue
            kernel, name = living[file.parent.name]
            try:
                async with self._one_at_a_time:
                    await self._opened(kernel, file, name)
            except OSError as error:
                self._log.warning("bridge.not_opened", kernel_id=kernel.id, problem=str(error))

    async def leave_all(self) -> None:
        """Close all, for the agent ends; the next one opens them again."""
        await asyncio.gather(*(_ended(one.serving) for one in list(self._open.values())))

    async def _opened(self, kernel: Kernel, file: Path, name: str) -> Connection:
        log = self._log.bind(kernel_id=kernel.id)
        before = read_connection(file)
        bound = _bound(before, log)
        try:
            connection = _connection(bound, before.key if before else secrets.token_hex(32), name)
            if connection != before:
                write_connection(file, connection)
            bridge = Bridge(self._context, kernel, connection.key, self._room, log)
            for port, one in zip(bridge.ports, bound, strict=True):
                await port.serve(one)
        except BaseException:
            for one in bound:
                one.close()
            raise
        serving = asyncio.create_task(self._serve(kernel, bridge), name=f"bridge {kernel.id}")
        self._open[kernel.id] = _Open(bridge, connection, file, serving)
        kernel.watch_activity(bridge.activity)
        log.info("bridge.open", again=before is not None)
        return connection

    async def _serve(self, kernel: Kernel, bridge: Bridge) -> None:
        try:
            await bridge.follow()
        except Exception:  # noqa: BLE001 - a bridge that fails must not stay half open
            self._log.exception("bridge.failed", kernel_id=kernel.id)
        finally:
            known = self._open.pop(kernel.id, None)
            await bridge.close()
            if kernel.journal.closed and known is not None:
                known.file.unlink(missing_ok=True)
            self._log.info("bridge.closed", kernel_id=kernel.id)


def _kept_in(home: Path) -> list[Path]:
    return sorted(home.glob(f"*/{FILE}"))


def _bound(before: Connection | None, log: Log) -> list[socket.socket]:
    """Bind five ports: those that were used before, as far as they are free."""
    bound: list[socket.socket] = []
    try:
        for port in before.ports if before is not None else (0,) * 5:
            bound.append(_bind_again(port, log) if port else bind_loopback())
    except BaseException:
        for one in bound:
            one.close()
        raise
    return bound


def _bind_again(port: int, log: Log) -> socket.socket:
    try:
        return bind_loopback(port)
    except OSError as error:
        log.warning("bridge.port_taken", port=port, problem=str(error))
        return bind_loopback()


def _connection(bound: list[socket.socket], key: str, name: str) -> Connection:
    shell, iopub, stdin, control, heartbeat = (int(one.getsockname()[1]) for one in bound)
    return Connection(
        ip=LOOPBACK,
        shell_port=shell,
        iopub_port=iopub,
        stdin_port=stdin,
        control_port=control,
        hb_port=heartbeat,
        key=key,
        kernel_name=name,
    )


async def _ended(serving: asyncio.Task[None]) -> None:
    # A task that is cancelled before it has begun closes nothing.
    await asyncio.sleep(0)
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
