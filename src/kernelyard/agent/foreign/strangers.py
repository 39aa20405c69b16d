"""What servers ask of an agent about kernels that somebody else has started, before these are launched."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from kernelyard.agent.foreign.deposits import Deposits
from kernelyard.agent.foreign.directory import ConnectionFile, Contents, Directory, Unusable
from kernelyard.agent.foreign.reaching import Unreachable, reach
from kernelyard.model.errors import Conflict, Invalid
from kernelyard.wire.connections import Connection
from kernelyard.wire.foreign import (
    Deposit,
    DepositFile,
    ExternalFiles,
    ExternalKernel,
    ExternalList,
    RefusedFile,
    identity_of,
)
from kernelyard.wire.link import Done

_AT_ONCE = 50
_LOOK_SECONDS = 1.0
_LOOK_AT_ALL_SECONDS = 10.0
"""Addresses of other machines may take their time; what is not reached by then is, perhaps, later."""


class Kernels(Protocol):
    """The kernels of the agent, as far as it matters here."""

    @property
    def deposits(self) -> Deposits: ...

    def take_deposit(self, deposit: Deposit) -> None:
        """Keep where a kernel listens. Raises Invalid, StorageFull."""
        ...

    def connections(self) -> Iterable[Connection]:
        """Where kernels listen that are here already."""
        ...


class Strangers:
    """Takes in where kernels listen: told, or found in a directory."""

    def __init__(self, kernels: Kernels) -> None:
        self._kernels = kernels
        self._directories: dict[str, Directory] = {}

    async def answer(self, request: Deposit | DepositFile | ExternalFiles) -> Done | ExternalList:
        """Answer a request. Raises Invalid, Conflict, StorageFull."""
        match request:
            case ExternalFiles():
                return await self._listed(request.directory)
            case DepositFile():
                self._kernels.take_deposit(await asyncio.to_thread(self._deposit_of, request))
            case Deposit():
                self._kernels.take_deposit(request)
        return Done()

    def _deposit_of(self, request: DepositFile) -> Deposit:
        try:
            found = self._directory(request.directory).read_one(request.file)
        except (Unusable, OSError) as error:
            raise Conflict(f"The connection file {request.file} cannot be used: {error}.") from None
        if found.identity != request.identity:
            raise Conflict(f"The connection file {request.file} tells of another kernel by now.")
        return Deposit(kernel_id=request.kernel_id, connection=found.connection)

    async def _listed(self, path: str) -> ExternalList:
        directory = self._directory(path)
        try:
            contents = await asyncio.to_thread(directory.read)
        except OSError as error:
            return ExternalList(problem=f"it cannot be read: {error.strerror}")
        return ExternalList(
            kernels=await self._live(contents),
            refused=[RefusedFile(name, why) for name, why in contents.refused.items()],
            present=contents.present,
        )

    async def _live(self, contents: Contents) -> list[ExternalKernel]:
        """Those that listen, but for bridges to kernels of ours and what was let go of."""
        here = {identity_of(one): one for one in self._kernels.connections()}
        attached = self._kernels.deposits
        some = asyncio.Semaphore(_AT_ONCE)
        loop = asyncio.get_running_loop()
        until = loop.time() + _LOOK_AT_ALL_SECONDS

        async def lives(file: ConnectionFile) -> bool:
            if file.identity in here:
                return False
            if attached.let_go_at(file.identity) >= file.changed_at:
                return False
            async with some:
                return loop.time() < until and await _listens(file.connection)

        alive = await asyncio.gather(*map(lives, contents.files))
        return [
            ExternalKernel(file.name, file.identity, file.connection.kernel_name)
            for file, live in zip(contents.files, alive, strict=True)
            if live
        ]

    def _directory(self, path: str) -> Directory:
        if not Path(path).is_absolute():
            raise Invalid("The path of a watched directory must be absolute.")
        return self._directories.setdefault(path, Directory(Path(path)))


async def _listens(connection: Connection) -> bool:
    try:
        await reach(connection, seconds=_LOOK_SECONDS)
    except Unreachable:
        return False
    return True
