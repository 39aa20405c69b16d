"""Servers that share one data directory and one PostgreSQL database, for journeys."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Self

from kernelyard import Client
from kernelyard.cli.fellow_servers import listening_fellows

from tests.support.live_server import START_SECONDS, LiveServer, wait_until
from tests.support.postgres import TEMPLATE, PostgresServer

_numbers = count(1)


class Member(LiveServer):
    """One of the servers of a data directory. The first to be closed ends all."""

    def __init__(self, data_dir: Path, name: str, *, env: dict[str, str]) -> None:
        super().__init__(data_dir, env=env)
        self._output = data_dir.parent / f"server-{name}.txt"
        self._clients: list[Client] = []

    @property
    def log(self) -> str:
        return self._output.read_text()

    @property
    def url(self) -> str:
        told = [one.url for one in listening_fellows(self.data_dir) if one.pid == self.pid]
        return told[0]

    def start(self) -> Self:
        """Start it (again) and wait until it listens."""
        with self._output.open("ab") as output:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "kernelyard.cli", "serve", "--port", "0"),
                    *("--data-dir", str(self.data_dir)),
                ],
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        wait_until(self._listens, START_SECONDS, lambda: self.log)
        return self

    def client(self) -> Client:
        """A client of this one; it is closed at the end."""
        self._clients.append(super().client())
        return self._clients[-1]

    def freeze(self) -> None:
        """SIGSTOP: it does nothing any more, and does not know."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGCONT)

    def ended(self) -> None:
        """Wait until it has ended."""
        for client in self._clients:
            client.close()
        if self._process is not None:
            self._process.wait(timeout=30)

    def _listens(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError(f"the server ended at once:\n{self.log}")
        return any(one.pid == self.pid for one in listening_fellows(self.data_dir))


class TwoServers:
    """Servers A and B with one agent."""

    def __init__(self, data_dir: Path, env: dict[str, str]) -> None:
        self.data_dir = data_dir
        self.a = Member(data_dir, "a", env=env)
        self.b = Member(data_dir, "b", env=env)

    @property
    def journals(self) -> Path:
        """Where the journals of the kernels are."""
        return self.data_dir / "agent" / "kernels"

    def journal(self, kernel_id: str) -> bytes:
        """The journal of a kernel, whoever has copied it."""
        return (self.journals / kernel_id / "journal").read_bytes()

    def client(self) -> Client:
        """A client that finds a server by the data directory."""
        return Client(data_dir=self.data_dir)


@contextmanager
def two_servers(place: Path, postgres: PostgresServer) -> Iterator[TwoServers]:
    """Two servers on a database of their own; all that they started ends with them."""
    name = f"two_{next(_numbers)}"
    asyncio.run(postgres.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}"))
    env = {"KERNELYARD_STORE": "postgresql", "KERNELYARD_STORE_URL": postgres.url(name)}
    two = TwoServers(place / "data", env)
    try:
        two.a.start()
        two.b.start()
        yield two
    finally:
        for member in (two.a, two.b):
            member.thaw()
        two.a.close()
        two.a.ended()
        two.b.ended()
        asyncio.run(postgres.execute(f"DROP DATABASE {name} WITH (FORCE)"))
