"""A kernel that is not ours is found by the next agent, however long it does not answer."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

import msgspec
import pytest
import zmq

from kernelyard.agent.folder import Folder, ProcessRecord
from kernelyard.agent.foreign.socket_watch import SocketWatch
from kernelyard.agent.foreign.stranger import Stranger
from kernelyard.agent.launch.adopt import Found, Search
from kernelyard.agent.launch.surroundings import Surroundings
from kernelyard.agent.logs import Log
from kernelyard.agent.places import write_private
from kernelyard.model.kernels import LaunchOrder
from kernelyard.model.records import RecordKind
from kernelyard.providers.process_identity import boot_id
from kernelyard.wire import link
from kernelyard.wire.connections import Connection
from kernelyard.wire.foreign import Deposit, foreign_connection

from tests.support.agent_process import (
    AgentProcess,
    ended,
    last_body,
    of_kind,
    says,
    stdout_of,
    wait_until,
)
from tests.support.foreign_kernel import ForeignKernel

SILENT_FOR_LONG = 2.5
QUICKLY = 10.0


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[ForeignKernel]:
    with ForeignKernel(tmp_path / "kernel.json") as kernel:
        yield kernel


@pytest.fixture
def context() -> Iterator[zmq.Context[Any]]:
    context = zmq.Context()
    yield context
    context.destroy(linger=0)


@pytest.fixture
def mute() -> Iterator[socket.socket]:
    """A socket that takes connections and says nothing, as that of a stopped process does."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def at(server: socket.socket) -> Connection:
    port = server.getsockname()[1]
    return Connection(
        shell_port=1, iopub_port=2, stdin_port=3, control_port=port, hb_port=5, key="k"
    )


async def attached(agent: AgentProcess, kernel: ForeignKernel, **how: Any) -> str:
    kernel_id = str(uuid4())
    connection = foreign_connection(kernel.file.read_bytes())
    await agent.done(Deposit(kernel_id=kernel_id, connection=connection, **how))
    order = {"kernel_id": kernel_id, "owned": False}
    await agent.launch("python3", provider="foreign", **order)
    await agent.records(kernel_id, until=of_kind(RecordKind.KERNEL_READY))
    return kernel_id


async def test_one_that_is_stopped_meanwhile_is_not_taken_for_dead(
    agent: AgentProcess, kernel: ForeignKernel
) -> None:
    mine = await attached(agent, kernel)
    agent.kill()
    kernel.signal(signal.SIGSTOP)
    try:
        await agent.start()
        assert mine in (await agent.ask(link.Hello())).kernels
    finally:
        kernel.signal(signal.SIGCONT)
    await agent.submit(mine, "print('back')")
    assert stdout_of(await agent.records(mine, until=ended(1)), 1) == "back\n"
    kernel.kill()
    assert last_body(await agent.records(mine))["cause"] == "died"


async def test_one_that_has_forked_is_attached_by_its_pid_and_without(
    agent: AgentProcess, kernel: ForeignKernel
) -> None:
    first = await attached(agent, kernel, pid=kernel.pid)
    code = "import os, time\nif os.fork() == 0:\n    time.sleep(100); os._exit(0)\nprint('forked')"
    await agent.submit(first, code)
    await agent.records(first, until=says("forked"))
    for pid in (kernel.pid, None):
        again = await attached(agent, kernel, pid=pid, interrupt_by="signal")
        await agent.done(link.Stop(again, "enough"))
        end = last_body(await agent.records(again))
        assert end["cause"] == "asked", end


async def test_one_that_never_answers_could_not_be_attached_whichever_agent_waits(
    agent: AgentProcess, context: zmq.Context[Any]
) -> None:
    kinds = (zmq.ROUTER, zmq.PUB, zmq.ROUTER, zmq.ROUTER, zmq.ROUTER)
    sockets = [context.socket(kind) for kind in kinds]
    ports = [socket.bind_to_random_port("tcp://127.0.0.1") for socket in sockets]
    shell, iopub, stdin, control, heartbeat = ports
    connection = Connection(
        shell_port=shell,
        iopub_port=iopub,
        stdin_port=stdin,
        control_port=control,
        hb_port=heartbeat,
        key="k",
    )
    mine = str(uuid4())
    await agent.done(Deposit(kernel_id=mine, connection=connection))
    order = {"kernel_id": mine, "owned": False, "start_timeout_seconds": 3.0}
    await agent.launch("python3", provider="foreign", **order)
    await wait_until((agent.folder(mine) / "connection-1.json").exists)
    agent.kill()
    await agent.start()
    end = last_body(await agent.records(mine))
    context.destroy(linger=0)
    assert end["cause"] == "start_failed"
    assert end["reason"].startswith(
        "it could not be attached: it did not answer within 3 s: the key"
    )


async def test_a_watch_believes_in_silence_only_as_long_as_it_may(
    context: zmq.Context[Any], mute: socket.socket
) -> None:
    patient, impatient = (SocketWatch(context, at(mute), patience=one) for one in (1000.0, 0.1))
    try:
        waits = asyncio.ensure_future(patient.gone())
        async with asyncio.timeout(QUICKLY):
            await impatient.gone()
        await asyncio.wait({waits}, timeout=SILENT_FOR_LONG)
        assert not waits.done()
        mute.close()
        async with asyncio.timeout(QUICKLY):
            await waits
    finally:
        patient.close()
        impatient.close()


async def test_a_watch_is_not_patient_where_nobody_listens(
    context: zmq.Context[Any], mute: socket.socket
) -> None:
    connection = at(mute)
    mute.close()
    watch = SocketWatch(context, connection, patience=1000.0)
    async with asyncio.timeout(QUICKLY):
        await watch.gone()
    watch.close()


async def test_one_that_nobody_can_speak_to_any_more_is_not_watched_on(
    tmp_path: Path, context: zmq.Context[Any], mute: socket.socket
) -> None:
    folder = Folder(tmp_path)
    deposit = Deposit(kernel_id="k", connection=at(mute))
    write_private(tmp_path / "foreign.json", msgspec.json.encode(deposit))
    this = Stranger.of(os.getpid())
    assert this is not None
    folder.write_process(
        ProcessRecord(
            pid=None,
            start_time=None,
            boot_id=boot_id(),
            attempt=1,
            interrupt_mode="message",
            launcher=this.record(),
        )
    )
    this.close()
    killed: list[str] = []
    around = SimpleNamespace(context=context, table=SimpleNamespace(kill=killed.append))
    search = Search(
        surroundings=cast("Surroundings", around),
        folder=folder,
        order=LaunchOrder(
            kernel_id="k", attempt=1, provider="foreign", image="python3", owned=False
        ),
        hearer=cast("Any", None),
        log=cast("Log", None),
        on_first_sound=lambda: None,
        was_ready=False,
    )
    assert await search.run() == Found()
    await asyncio.sleep(0)
    assert [one.get_name() for one in asyncio.all_tasks()].count("foreign kernel") == 0
