"""Each way of meeting, with a kernel that is another process."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import zmq

from kernelyard.agent.logs import Log
from kernelyard.agent.rendezvous.classic import Classic
from kernelyard.agent.rendezvous.handshake import Handshake
from kernelyard.agent.rendezvous.ipc import Ipc
from kernelyard.agent.rendezvous.read_back import ReadBack
from kernelyard.agent.rendezvous.registrar import Registrar
from kernelyard.agent.rendezvous.rendezvous import NotMet
from kernelyard.wire.connections import PORTS, Connection
from kernelyard.wire.registration import Dialect

from tests.agent.rendezvous.conftest import RunKernel

SECONDS = 20


@pytest.fixture
async def registrar() -> AsyncIterator[Registrar]:
    with zmq.Context() as context:
        made = Registrar(context, Log())
        try:
            yield made
        finally:
            made.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "connection-1.json"


@pytest.fixture
def prefix(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("s") / "k")


def a_handshake(registrar: Registrar, dialect: Dialect, *, or_file: bool = False) -> Handshake:
    return Handshake(dialect, registrar, kernel_id="k", kernel_name="n", or_file=or_file)


def is_private(file: Path) -> bool:
    return file.stat().st_mode & 0o777 == 0o600


def said_in(file: Path) -> dict[str, object]:
    return json.loads(file.read_bytes())


def write(file: Path, content: str | None) -> None:
    """Give a file another content, or remove it."""
    file.unlink(missing_ok=True)
    if content is not None:
        file.write_text(content)


def left_beside(prefix: str) -> list[str]:
    """The names of what lies where sockets begin with ``prefix``."""
    return [path.name for path in Path(prefix).parent.iterdir()]


def listens(connection: Connection) -> bool:
    """Whether somebody takes connections at shell and iopub."""
    for port in (connection.shell_port, connection.iopub_port):
        with socket.socket() as one:
            if one.connect_ex((connection.ip, port)) != 0:
                return False
    return True


@pytest.mark.parametrize("dialect", ["a", "b"])
async def test_a_kernel_that_registers_is_met_at_the_ports_it_chose(
    registrar: Registrar, file: Path, run_kernel: RunKernel, dialect: Dialect
) -> None:
    handshake = a_handshake(registrar, dialect)
    handshake.prepare(file)
    assert is_private(file)
    run_kernel(file, dialect)
    async with asyncio.timeout(SECONDS):
        connection = await handshake.meet()
    assert listens(connection)
    assert connection.key == said_in(file)["key"]
    handshake.close()


@pytest.mark.parametrize("trait", ["a", "file"])
async def test_one_file_is_for_kernels_that_register_and_for_those_that_write_it_anew(
    registrar: Registrar, file: Path, run_kernel: RunKernel, trait: str
) -> None:
    handshake = a_handshake(registrar, "a", or_file=True)
    handshake.prepare(file)
    run_kernel(file, trait)
    async with asyncio.timeout(SECONDS):
        assert listens(await handshake.meet())
    handshake.close()


async def test_a_kernel_that_registers_without_ports_is_not_waited_for(
    registrar: Registrar, file: Path, run_kernel: RunKernel
) -> None:
    handshake = a_handshake(registrar, "a")
    handshake.prepare(file)
    run_kernel(file, "a", "lies")
    async with asyncio.timeout(SECONDS):
        with pytest.raises(NotMet, match="ports that cannot be"):
            await handshake.meet()
    handshake.close()


async def test_a_kernel_that_writes_its_ports_into_its_file_is_read_when_it_has(
    file: Path, run_kernel: RunKernel
) -> None:
    way = ReadBack("n")
    way.prepare(file)
    assert is_private(file)
    assert not any(said_in(file)[name] for name in PORTS)
    run_kernel(file, "file")
    async with asyncio.timeout(SECONDS):
        assert listens(await way.meet())


@pytest.mark.parametrize(
    "content",
    ["", "{", '{"key": "not ours"}', None],
)
async def test_a_file_that_is_missing_empty_partial_or_not_ours_is_looked_at_again(
    file: Path, content: str | None
) -> None:
    way = ReadBack("n")
    way.prepare(file)
    ours = said_in(file)
    meeting = asyncio.create_task(way.meet())
    chosen = dict(zip(PORTS, range(50001, 50006), strict=True))
    for step in (content, json.dumps({**ours, **chosen, "hb_port": 0})):
        write(file, step)
        done, _ = await asyncio.wait([meeting], timeout=0.05)
        assert not done
    write(file, json.dumps({**ours, **chosen}))
    async with asyncio.timeout(SECONDS):
        assert (await meeting).ports == tuple(chosen.values())


async def test_unix_sockets_are_met_when_they_are_bound_and_removed_at_the_end(
    file: Path, prefix: str, run_kernel: RunKernel
) -> None:
    way = Ipc(prefix, "n")
    way.prepare(file)
    assert is_private(file)
    kernel = run_kernel(file, "ipc")
    async with asyncio.timeout(SECONDS):
        connection = await way.meet()
    assert f"k-{connection.shell_port}" in left_beside(prefix)
    kernel.kill()
    kernel.wait()
    way.close()
    assert not left_beside(prefix)


async def test_a_kernel_that_names_its_unix_sockets_otherwise_is_not_waited_for(
    file: Path, prefix: str, run_kernel: RunKernel
) -> None:
    way = Ipc(prefix, "n")
    way.prepare(file)
    kernel = run_kernel(file, "colon")
    async with asyncio.timeout(SECONDS):
        with pytest.raises(NotMet, match="names that only it knows"):
            await way.meet()
    kernel.kill()
    kernel.wait()
    way.close()
    assert not left_beside(prefix)


async def test_with_a_stranger_patience_ends(registrar: Registrar, file: Path, prefix: str) -> None:
    strangers = [
        Ipc(prefix, "n", patience=0.05),
        ReadBack("n", patience=0.05),
        Handshake("b", registrar, kernel_id="k", kernel_name="n", patience=0.05),
    ]
    for way in strangers:
        way.prepare(file)
        with pytest.raises(NotMet, match=way.name):
            await way.meet()
        way.close()


async def test_bad_luck_with_ports_of_ours_is_known_by_who_has_them_or_by_what_is_said(
    file: Path,
) -> None:
    way = Classic("n")
    way.prepare(file)
    assert is_private(file)
    connection = await way.meet()
    assert not way.unlucky("ImportError: no such module")
    assert way.unlucky("zmq.error.ZMQError: Address already in use")
    assert way.unlucky("listen EADDRINUSE")
    with socket.socket() as thief:
        thief.bind((connection.ip, connection.control_port))
        thief.listen()
        assert way.unlucky("")
    assert not way.unlucky("")
