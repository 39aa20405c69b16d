"""Kernels that a spawner has forked from a zygote, or run, and a plain client for them."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import zmq
from jupyter_client.session import Session

from kernelyard.agent.launch.lossless import START
from kernelyard.agent.logs import Log
from kernelyard.agent.places import agent_dir
from kernelyard.agent.spawner.spawner import (
    AheadJob,
    Hold,
    Job,
    Spawned,
    Spawner,
    ZygoteJob,
    ZygoteReport,
    end_spawner,
)
from kernelyard.agent.spawner.zygotes import ZYGOTE_PROGRAM
from kernelyard.agent.zygote.priority import margin

from tests.support.agent_process import wait_until

SECONDS = 60
_KEY = "0123456789"


class Nest:
    """A spawner of a test, its zygotes, and kernels in directories of their own."""

    def __init__(self, path: Path, *, ahead: bool = False) -> None:
        """With ``ahead`` each kernel that is forked is so before it is asked for."""
        agent_dir(path).mkdir()
        self.path = path
        self.ahead = ahead
        self.spawner = Spawner(path, Log())
        self.heard: list[ZygoteReport] = []
        self.hold = Hold()
        self._kernels: list[ForkedKernel] = []

    async def close(self) -> None:
        for kernel in self._kernels:
            kernel.close()
        await asyncio.to_thread(end_spawner, self.path)
        await self.spawner.close(end=True)

    async def zygote(
        self,
        *preload: str,
        name: str = "z",
        env: Mapping[str, str] | None = None,
        python: str = sys.executable,
        options: Sequence[str] = (),
    ) -> ZygoteReport:
        """Start a zygote; return what is said when it is settled what becomes of it."""
        await self.begin_zygote(*preload, name=name, env=env, python=python, options=options)
        return await self.report(name, "ready", "unfit", "ended")

    async def begin_zygote(
        self,
        *preload: str,
        name: str = "z",
        env: Mapping[str, str] | None = None,
        python: str = sys.executable,
        options: Sequence[str] = (),
    ) -> Spawned:
        self.spawner.on_zygote = self.heard.append
        job = Job(
            argv=[python, str(ZYGOTE_PROGRAM), *options],
            env=_environment(env, "0" * 36),
            cwd=self.path,
            log=self.path / f"{name}.log",
            exit_file=self.path / f"{name}.exit",
        )
        sources = self.path / f"{name}.sources"
        return await self.spawner.start_zygote(
            ZygoteJob(name=name, job=job, preload=preload, sources=sources)
        )

    async def report(self, name: str, *states: str) -> ZygoteReport:
        """Wait until a zygote is in one of these states."""
        zygotes = self.spawner.zygotes
        await wait_until(lambda: name in zygotes and zygotes[name].state in states)
        return zygotes[name]

    async def reason(self, name: str, reason: str) -> None:
        """Wait until this is said of a zygote."""
        zygotes = self.spawner.zygotes
        await wait_until(lambda: name in zygotes and zygotes[name].reason == reason)

    def another(self) -> Spawner:
        """Stand for a later agent."""
        self.spawner = Spawner(self.path, Log())
        return self.spawner

    def job(
        self, number: int, env: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> tuple[Job, Path]:
        """What is asked for a kernel in a directory of its own, and its connection file."""
        place = self.path / f"kernel-{number}"
        place.mkdir()
        file = place / "connection.json"
        ports = ("shell", "iopub", "stdin", "control", "hb")
        told: dict[str, object] = {f"{one}_port": at for at, one in enumerate(ports, 1)}
        told.update(transport="ipc", ip=str(place / "s"), key=_KEY)
        file.write_text(json.dumps({**told, "signature_scheme": "hmac-sha256"}))
        job = Job(
            argv=[sys.executable, str(START), "-f", str(file)],
            env=_environment(env, f"{number:036}"),
            cwd=cwd or place,
            hold=self.hold,
            log=place / "log",
            exit_file=place / "exit.json",
        )
        return job, file

    async def waiting(self, zygote: str = "z") -> tuple[str, int]:
        """Have a kernel forked ahead; return its token and its process when it waits for its job.

        Of a zygote that ends there is no such process.
        """
        token = uuid4().hex
        self.think_ahead(token, zygote)
        zygotes = self.spawner.zygotes
        told = lambda: (zygotes[zygote].ahead == token, zygotes[zygote].ahead_pid)  # noqa: E731
        await wait_until(lambda: all(told()) or zygotes[zygote].state != "ready")
        return token, zygotes[zygote].ahead_pid or 0

    def think_ahead(self, token: str, zygote: str = "z") -> None:
        """Ask for a kernel that is forked ahead, in the first of the groups that hold kernels."""
        self.spawner.think_ahead(
            AheadJob(
                zygote=zygote,
                token=token,
                groups=self.hold.groups,
                sockets=str(self.path / token[:8]),
                log=self.path / f"{zygote}.ahead",
                lower=margin(),
            )
        )

    async def kernel(
        self,
        number: int,
        *,
        fork: bool = True,
        zygote: str = "z",
        env: Mapping[str, str] | None = None,
    ) -> ForkedKernel:
        """Start a kernel, forked or run."""
        job, file = self.job(number, env)
        if fork and self.ahead:
            token, pid = await self.waiting(zygote)
            spawned = await self.spawner.fork(zygote, job, file, ahead=token)
            assert spawned.pid == pid or not pid
        elif fork:
            spawned = await self.spawner.fork(zygote, job, file)
        else:
            spawned = await self.spawner.spawn(job, lambda: None)
        return self.adopted(spawned, file)

    def adopted(self, spawned: Spawned, file: Path) -> ForkedKernel:
        """A client for a kernel that was started with such a connection file."""
        kernel = ForkedKernel(spawned, file.parent)
        self._kernels.append(kernel)
        return kernel


def _environment(env: Mapping[str, str] | None, kernel_id: str) -> dict[str, str]:
    own = {**(os.environ if env is None else env), "KERNELYARD_KERNEL_ID": kernel_id}
    # Where it is set, ipykernel forwards nothing that is written to its descriptors.
    own.pop("PYTEST_CURRENT_TEST", None)
    return own


@dataclass
class Said:
    """What a kernel said to one request."""

    content: dict[str, Any]
    text: str


class ForkedKernel:
    """One kernel and a client that waits for it."""

    def __init__(self, spawned: Spawned, place: Path) -> None:
        self.spawned = spawned
        self.pid = spawned.pid
        self.place = place
        self._abandoned = False
        self._context = zmq.Context()
        self._session = Session(key=_KEY.encode())
        self._shell = self._socket(zmq.DEALER, 1)
        self._stdin = self._socket(zmq.DEALER, 3)
        self._control = self._socket(zmq.DEALER, 4)
        self._iopub = self._socket(zmq.SUB, 2)
        self._iopub.subscribe(b"")

    def abandon(self) -> None:
        """Wait for no answer any more; it has ended."""
        self._abandoned = True

    def close(self) -> None:
        self._context.destroy(linger=0)
        if not self._abandoned and not self.spawned.told.done():
            os.kill(self.pid, signal.SIGKILL)

    async def run(self, code: str) -> Said:
        """Execute code; return the reply and what was printed."""
        content = {"code": code, "silent": False, "allow_stdin": False}
        return await asyncio.to_thread(self._ask, self._shell, "execute_request", content)

    async def value(self, expression: str) -> Any:
        """The value of an expression, by way of JSON."""
        await self.run("1")
        file = self.place / "value.json"
        said = await self.run(
            f"import json as _j; open({str(file)!r}, 'w').write(_j.dumps({expression}))"
        )
        assert said.content["status"] == "ok", said
        return json.loads(file.read_text())

    async def control(self, kind: str, content: dict[str, Any]) -> Said:
        return await asyncio.to_thread(self._ask, self._control, kind, content)

    def send(self, kind: str, content: dict[str, Any], *buffers: bytes) -> str:
        """Send a message on the shell channel; return its id."""
        sent = self._session.send(self._shell, kind, content, buffers=list(buffers))
        return str(sent["header"]["msg_id"])

    async def published(self, kind: str, **content: object) -> dict[str, Any]:
        """The next message of a kind that all hear, if its content has these fields."""

        def wait() -> dict[str, Any]:
            while True:
                message = self._next(self._iopub)
                said = message["content"]
                if message["header"]["msg_type"] == kind and content.items() <= said.items():
                    return message

        return await asyncio.to_thread(wait)

    async def replied(self) -> dict[str, Any]:
        """The next reply on the shell channel."""
        return await asyncio.to_thread(self._next, self._shell)

    async def answers(self, text: str) -> str:
        """Answer a prompt of the kernel; return what it asks."""
        asked = await asyncio.to_thread(self._next, self._stdin)
        self._session.send(self._stdin, "input_reply", {"value": text}, parent=asked)
        return str(asked["content"]["prompt"])

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def _socket(self, kind: int, port: int) -> zmq.Socket[bytes]:
        socket: zmq.Socket[bytes] = self._context.socket(kind)
        # What answers a prompt is who has asked.
        socket.identity = self._session.bsession
        socket.reconnect_ivl = 5
        socket.connect(f"ipc://{self.place}/s-{port}")
        return socket

    def _ask(self, socket: zmq.Socket[bytes], kind: str, content: dict[str, Any]) -> Said:
        sent = self._session.send(socket, kind, content)
        reply = self._next(socket)
        text = ""
        while socket is self._shell and self._iopub.poll(200):
            message = self._next(self._iopub)
            if message["parent_header"].get("msg_id") == sent["header"]["msg_id"]:
                text += message["content"].get("text", "")
                if message["content"].get("execution_state") == "idle":
                    break
        return Said(reply["content"], text)

    def _next(self, socket: zmq.Socket[bytes]) -> dict[str, Any]:
        limit = time.monotonic() + SECONDS
        while not socket.poll(50):
            if self._abandoned or time.monotonic() > limit:
                raise TimeoutError((self.place / "log").read_text())
        _, parts = self._session.feed_identities(socket.recv_multipart())
        return dict(self._session.deserialize(parts))
