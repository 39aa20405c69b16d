"""Meeting by registration (JEP 66): the kernel chooses its ports and tells them to the agent."""

from __future__ import annotations

import asyncio
from pathlib import Path

from kernelyard.agent.connection import new_key
from kernelyard.agent.places import write_private
from kernelyard.agent.rendezvous.patience import within
from kernelyard.agent.rendezvous.registrar import HOST, Expected, Registrar
from kernelyard.agent.rendezvous.rendezvous import NotMet
from kernelyard.agent.rendezvous.rewritten_file import rewritten
from kernelyard.agent.waiting import first_of
from kernelyard.wire.connections import Connection
from kernelyard.wire.registration import Dialect, WrongPorts, registration_file


class Handshake:
    """For kernels that register, in one dialect.

    With ``or_file`` it is for kernels that perhaps do: those of the ipykernel family take the same
    file, pass over where to register, and write their ports into it. Whichever comes first holds.
    """

    def __init__(
        self,
        dialect: Dialect,
        registrar: Registrar,
        *,
        kernel_id: str,
        kernel_name: str,
        or_file: bool = False,
        patience: float | None = None,
    ) -> None:
        self.name = f"handshake_{dialect}"
        self._dialect: Dialect = dialect
        self._registrar = registrar
        self._kernel_id = kernel_id
        self._kernel_name = kernel_name
        self._or_file = or_file
        self._patience = patience
        self._key = new_key()
        self._expected: Expected | None = None
        self._file = Path()

    def prepare(self, file: Path) -> None:
        """Write the file that says where to register. Raises OSError."""
        self._file = file
        self._expected = self._registrar.expect(self._key)
        content = registration_file(
            self._dialect,
            kernel_id=self._kernel_id,
            kernel_name=self._kernel_name,
            address=self._registrar.address,
            key=self._key,
        )
        write_private(file, content)

    async def meet(self) -> Connection:
        """Return where the kernel says it listens.

        Raises NotMet when the kernel says what cannot be, or nothing in time.
        """
        if self._or_file:
            either = first_of(self._registered(), rewritten(self._file, self._key))
        else:
            either = self._registered()
        try:
            return await within(self._patience, either, self.name)
        finally:
            self.close()

    def unlucky(self, said: str) -> bool:
        """The kernel takes free ports, and nobody can be before it."""
        del said
        return False

    def close(self) -> None:
        """Await the kernel no more."""
        if self._expected is not None:
            self._expected.close()

    async def _registered(self) -> Connection:
        assert self._expected is not None  # noqa: S101 - it was prepared
        try:
            shell, iopub, stdin, control, heartbeat = await asyncio.shield(self._expected.ports)
        except WrongPorts as error:
            raise NotMet(str(error)) from error
        return Connection(
            ip=HOST,
            shell_port=shell,
            iopub_port=iopub,
            stdin_port=stdin,
            control_port=control,
            hb_port=heartbeat,
            key=self._key,
            kernel_name=self._kernel_name,
        )
