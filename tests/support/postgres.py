"""A PostgreSQL server of the tests' own: an ordinary process on a unix socket in a directory of its own.

It is started from whatever PostgreSQL is installed and touches no cluster of the system. As PostgreSQL
refuses to run as root, the tests of root start it under an account without rights.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from itertools import count
from pathlib import Path

import asyncpg
import pytest

from kernelyard.stores.sql.postgresql import open_postgresql

from tests.support.live_server import alive, wait_until

WITHOUT = "KERNELYARD_TESTS_WITHOUT_POSTGRESQL"
ROLE = "yard"
TEMPLATE = "migrated"
_ACCOUNTS = ("postgres", "nobody")
_PLACES = ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin")
_START_SECONDS = 60.0
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)
_MISSING = (
    "The tests of the PostgreSQL store need a PostgreSQL server's programs (initdb, postgres). "
    "'make setup' run by root on Debian or Ubuntu installs them; else install them (sudo apt-get "
    f"install postgresql) and make 'initdb' findable in PATH. To do without these tests, set {WITHOUT}=1."
)


def programs() -> Path | None:
    """The folder of the newest PostgreSQL that is installed."""
    every = [path for place in _PLACES for path in Path("/").glob(place)]
    found = [path for path in every if (path / "initdb").exists() and (path / "postgres").exists()]
    if found:
        return max(
            found, key=lambda path: [int(digits) for digits in re.findall(r"\d+", str(path))]
        )
    initdb = shutil.which("initdb")
    return Path(initdb).resolve().parent if initdb else None


def programs_or_end() -> Path:
    """The folder of the programs; without them the test fails, or is skipped if that was asked for."""
    found = programs()
    if os.environ.get(WITHOUT) == "1":
        pytest.skip(f"{WITHOUT}=1")
    if found is None:
        pytest.fail(_MISSING, pytrace=False)
    return found


def _open_to_all() -> str:
    """A directory for temporary files that another account can reach, ours if it is one."""
    place = Path(tempfile.gettempdir()).resolve()
    reachable = all(one.stat().st_mode & 0o001 for one in (place, *place.parents))
    return str(place) if reachable else "/tmp"


class PostgresServer:
    """A server that can be killed and started again; its data stays until ``remove``."""

    def __init__(self, bin_dir: Path) -> None:
        self._bin = bin_dir
        self._account = _account()
        # Short, for a socket's path may have no more than about a hundred bytes, and outside of
        # pytest's own directories, into which the other account may not go.
        self.home = Path(tempfile.mkdtemp(prefix="ky-pg-", dir=_open_to_all()))
        self._process: subprocess.Popen[bytes] | None = None
        self._names = count(1)
        if self._account is not None:
            os.chown(self.home, self._account.pw_uid, self._account.pw_gid)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> str:
        return (self.home / "log").read_text(errors="replace")

    def url(self, database: str) -> str:
        return f"postgresql://{ROLE}@/{database}?host={self.home}"

    def create(self) -> None:
        """Make the cluster and start it."""
        self._run(
            *("initdb", "--pgdata", "data", "--username", ROLE, "--auth", "trust"),
            *("--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync"),
        )
        self.start()

    def start(self) -> None:
        """Start it (again) and wait until it takes connections."""
        with (self.home / "log").open("ab") as log:
            self._process = self._spawn(
                [
                    *("postgres", "-D", "data", "-k", str(self.home), "-c", "listen_addresses="),
                    # It never has to survive the loss of power.
                    *("-c", "fsync=off", "-c", "full_page_writes=off", "-c", "shared_buffers=32MB"),
                ],
                log.fileno(),
            )
        wait_until(self._accepts, _START_SECONDS, lambda: self.log)

    def stop(self) -> None:
        """Have it close every connection and end in order."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """``kill -9``, and wait until its own children have noticed."""
        children = _children(self.pid)
        self._end(signal.SIGKILL)
        wait_until(lambda: not any(alive(pid) for pid in children))

    def remove(self) -> None:
        """End it however it can be ended, and leave nothing."""
        try:
            if self._process is not None and self._process.poll() is None:
                self.stop()
        finally:
            if self._process is not None and self._process.poll() is None:
                self.kill()
            shutil.rmtree(self.home)

    async def execute(self, *statements: str, database: str = "postgres") -> None:
        """Run statements, each in a transaction of its own."""
        connection = await asyncpg.connect(self.url(database))
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    @contextlib.asynccontextmanager
    async def database(self, *, template: str = "template0") -> AsyncIterator[str]:
        """A database of one test's own; yields its URL."""
        name = f"test_{next(self._names)}"
        await self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        try:
            yield self.url(name)
        finally:
            await self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    async def make_template(self) -> None:
        """Make the database from which those of the tests are copied, so that one is migrated."""
        await self.execute(f"CREATE DATABASE {TEMPLATE} TEMPLATE template0")
        await (await open_postgresql(self.url(TEMPLATE))).aclose()

    def _accepts(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError(f"PostgreSQL ended at once:\n{self.log}")
        ready = self._spawn(["pg_isready", "-q", "-h", str(self.home)], subprocess.DEVNULL)
        return ready.wait() == 0

    def _end(self, signum: int) -> None:
        assert self._process is not None
        self._process.send_signal(signum)
        self._process.wait(timeout=30)

    def _run(self, *arguments: str) -> None:
        with (self.home / "log").open("ab") as log:
            status = self._spawn(arguments, log.fileno()).wait(timeout=_START_SECONDS)
        assert status == 0, self.log

    def _spawn(self, arguments: Sequence[str], output: int) -> subprocess.Popen[bytes]:
        program, *rest = arguments
        account = self._account
        return subprocess.Popen(
            [str(self._bin / program), *rest],
            cwd=self.home,
            env={"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            # A terminal's Ctrl-C is for pytest alone: it ends the server when all is done.
            start_new_session=True,
            user=account.pw_uid if account else None,
            group=account.pw_gid if account else None,
            extra_groups=[] if account else None,
            preexec_fn=_end_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509
        )


@contextlib.contextmanager
def running_server() -> Iterator[PostgresServer]:
    """A server with an empty migrated database to copy; it is ended and removed at the end."""
    server = PostgresServer(programs_or_end())
    try:
        server.create()
        asyncio.run(server.make_template())
        yield server
    finally:
        server.remove()


def _end_with_parent() -> None:
    """Between fork and exec: have the kernel end it at once should pytest itself be killed."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT)


def _account() -> pwd.struct_passwd | None:
    """The account to run it under; None is our own."""
    if os.geteuid() != 0:
        return None
    for name in _ACCOUNTS:
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    pytest.fail(f"root needs one of the accounts {', '.join(_ACCOUNTS)} to run PostgreSQL under")


def _children(parent: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and _parent_of(entry) == parent:
                found.append(int(entry.name))
    return found


def _parent_of(process: Path) -> int:
    return int((process / "stat").read_text().rpartition(")")[2].split()[1])
