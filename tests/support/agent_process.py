"""A real agent in a process of its own, spoken to over its socket."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path
from uuid import uuid4

from kernelyard.agent.spawner.spawner import end_spawner
from kernelyard.model.json import JsonObject
from kernelyard.model.kernels import LaunchOrder
from kernelyard.model.projection import body_of
from kernelyard.model.records import Record, RecordKind
from kernelyard.model.tasks import Assignment
from kernelyard.providers.process_identity import start_time_of
from kernelyard.wire import framing, journal, link

from tests.support.groups import remove_groups

SECONDS = 40.0
COMMAND = (sys.executable, "-m", "kernelyard.agent", "--data-dir")


class Connection:
    """One connection to an agent."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def ask(self, request: link.Request) -> link.Reply:
        """Send a request and return the reply."""
        await self.send(link.encode_message(request))
        return link.decode_reply(await self.read())

    async def send(self, payload: bytes) -> None:
        self._writer.write(framing.frame(payload))
        await self._writer.drain()

    async def read(self) -> bytes:
        length = framing.frame_length(await self._reader.readexactly(framing.LENGTH_SIZE))
        return await self._reader.readexactly(length)

    async def follow(self, kernel_id: str, after: int) -> AsyncIterator[Record]:
        """Yield records until the connection ends."""
        reply = await self.ask(link.Follow(kernel_id, after))
        if not isinstance(reply, link.Done):
            raise link.error_of(fault_in(reply))
        while True:
            try:
                payload = await self.read()
            except asyncio.IncompleteReadError:
                return
            records, taken = journal.split(payload)
            assert taken == len(payload)
            for record in records:
                yield record

    def close(self) -> None:
        self._writer.close()


class AgentProcess:
    """Starts, kills and questions an agent of one data directory."""

    def __init__(
        self,
        data_dir: Path,
        *arguments: str,
        env: dict[str, str] | None = None,
        zygotes: int = 0,
    ) -> None:
        """Kernels are started as new programs, unless there are to be ``zygotes`` that fork them."""
        self.data_dir = data_dir
        self._arguments = ("--zygotes", str(zygotes), *arguments)
        self._env = {**os.environ, **(env or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self._connections: list[Connection] = []

    @property
    def file(self) -> Path:
        return self.data_dir / "agent" / "agent.json"

    def folder(self, kernel_id: str) -> Path:
        return self.data_dir / "agent" / "kernels" / kernel_id

    async def start(self) -> None:
        """Start the agent and wait until it listens."""
        self.data_dir.mkdir(exist_ok=True)
        with (self.data_dir / "agent.log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: ASYNC220 - it takes a moment only
                [*COMMAND, self.data_dir, *self._arguments],
                env=self._env,
                stderr=log,
                start_new_session=True,
            )
        process = self._process
        listens = lambda: self.described().get("pid") == process.pid  # noqa: E731
        await wait_until(lambda: listens() or process.poll() is not None)
        if process.poll() is not None:
            raise ProcessLookupError(f"the agent ended with status {process.returncode}")

    def kernel_pid(self, kernel_id: str) -> int:
        """The process id of a kernel that has been started."""
        return int(json.loads((self.folder(kernel_id) / "process.json").read_bytes())["pid"])

    def described(self) -> JsonObject:
        """What the agent's file says; nothing if there is none."""
        try:
            return json.loads(self.file.read_bytes())
        except FileNotFoundError:
            return {}

    def kill(self) -> None:
        """Kill the agent with SIGKILL; its kernels go on."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def terminate(self) -> int:
        """Tell the agent to end, and return its exit status."""
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(SECONDS)

    async def wait(self) -> int:
        """Wait until the agent has ended; return its exit status."""
        process = self._process
        assert process is not None
        await wait_until(lambda: process.poll() is not None)
        return process.wait()

    async def connect(self) -> Connection:
        opened = await asyncio.open_unix_connection(str(self.described()["socket"]))
        connection = Connection(*opened)
        self._connections.append(connection)
        return connection

    async def ask(self, request: link.Request) -> link.Reply:
        """Ask on a connection of its own."""
        connection = await self.connect()
        try:
            return await connection.ask(request)
        finally:
            connection.close()

    async def done(self, request: link.Request) -> None:
        """Ask for something that must succeed."""
        reply = await self.ask(request)
        assert isinstance(reply, link.Done), reply

    async def launch(self, image: str = "python3", **order: object) -> str:
        """Start a kernel and return its id."""
        kernel_id = str(uuid4())
        fields = {"kernel_id": kernel_id, "attempt": 1, "provider": "kernelspec", "image": image}
        await self.done(link.Launch(LaunchOrder(**{**fields, **order})))
        return kernel_id

    async def submit(
        self,
        kernel_id: str,
        *codes: str,
        first: int = 1,
        limit: int = 0,
        needs: dict[int, int] | None = None,
    ) -> list[Assignment]:
        """Queue code; the tasks are numbered from ``first``, and ``needs`` says which needs which."""
        tasks = [
            Assignment(
                task_id=str(uuid4()),
                seq=seq,
                code=code,
                output_limit_bytes=limit,
                needs=(needs or {}).get(seq),
            )
            for seq, code in enumerate(codes, first)
        ]
        await self.done(link.Submit(kernel_id, tasks))
        return tasks

    async def records(
        self, kernel_id: str, *, after: int = 0, until: Callable[[Record], bool] | None = None
    ) -> list[Record]:
        """Follow until a record fits, that one included, or until the journal's end."""
        connection = await self.connect()
        found: list[Record] = []
        try:
            follow = connection.follow(kernel_id, after)
            async with asyncio.timeout(SECONDS), aclosing(follow) as all_:
                async for record in all_:
                    found.append(record)
                    if until is not None and until(record):
                        return found
        finally:
            connection.close()
        assert until is None, f"the journal ended before: {found[-3:]}"
        return found

    async def clean_up(self) -> None:
        """End the agent with its kernels, whatever has become of them."""
        for connection in self._connections:
            connection.close()
        process = self._process
        if process is not None and process.poll() is None:
            try:
                async with asyncio.timeout(15):
                    await self.ask(link.Quit(stop_kernels=True))
                    await self.wait()
            except (TimeoutError, OSError):
                process.kill()
            process.wait()
        for noted in self.data_dir.glob("agent/kernels/*/process.json"):
            record = json.loads(noted.read_bytes())
            pid = record["pid"]
            if pid is not None and start_time_of(pid) == record["start_time"]:
                os.killpg(pid, signal.SIGKILL)
        await asyncio.to_thread(end_spawner, self.data_dir)
        await wait_until(lambda: remove_groups(self.data_dir))


def fault_in(reply: link.Reply) -> link.Fault:
    """The fault that a reply must be."""
    assert isinstance(reply, link.Fault), reply
    return reply


async def wait_until(condition: Callable[[], bool]) -> None:
    """Look again and again until ``condition`` holds."""
    async with asyncio.timeout(SECONDS):
        while not condition():
            await asyncio.sleep(0.01)


def ended(seq: int) -> Callable[[Record], bool]:
    """Whether a record says that a task has ended."""
    return lambda record: record.kind is RecordKind.ENDED and record.seq == seq


def started(seq: int) -> Callable[[Record], bool]:
    """Whether a record says that a task has begun."""
    return lambda record: record.kind is RecordKind.STARTED and record.seq == seq


def of_kind(kind: RecordKind) -> Callable[[Record], bool]:
    """Whether a record is of a kind."""
    return lambda record: record.kind is kind


def says(text: str) -> Callable[[Record], bool]:
    """Whether a record is a stream that contains a text."""
    return lambda record: record.kind is RecordKind.STREAM and text in body_of(record)["text"]


def end_of(records: list[Record], seq: int) -> JsonObject:
    """The body of the one record that ends a task."""
    (one,) = filter(ended(seq), records)
    return body_of(one)


def last_body(records: list[Record]) -> JsonObject:
    """The body of the journal's last record, which says that the kernel ended."""
    assert records[-1].kind is RecordKind.KERNEL_ENDED
    return body_of(records[-1])


def stdout_of(records: list[Record], seq: int) -> str:
    """What a task printed."""
    mine = [one for one in records if one.seq == seq and one.kind is RecordKind.STREAM]
    return "".join(body["text"] for body in map(body_of, mine) if body["name"] == "stdout")


def has_no_holes(records: list[Record], after: int = 0) -> bool:
    """Whether the records are numbered without holes."""
    return [one.number for one in records] == list(range(after + 1, after + 1 + len(records)))
