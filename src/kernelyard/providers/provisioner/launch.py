"""Driving a provisioner through a launch, in its own thread: all that the launcher needs comes back."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass
from typing import Any

from kernelyard.providers.launcher import LaunchFailed, LaunchRequest
from kernelyard.providers.process_identity import start_time_of
from kernelyard.providers.provisioner.log import ProvisionerLog
from kernelyard.providers.provisioner.parent import Parent, Provisioned, provisioned
from kernelyard.providers.provisioner.record import (
    ProvisionerRecord,
    found_process,
    kept,
    unkept,
)
from kernelyard.providers.provisioner.spec import (
    ProvisionedSpec,
    directory_for,
    environment_for,
)
from kernelyard.providers.provisioner.stanza import installed, stanza_problem
from kernelyard.providers.provisioner.thread import home_of
from kernelyard.wire.connections import Connection

UNDO_SECONDS = 10.0
HOME_SECONDS = 5.0
MAKING_SECONDS = 30.0
"""For loading the package, and what its objects do when they are made."""


@dataclass(frozen=True, slots=True)
class Launched:
    """A kernel that runs, its provisioner, and how to find it again."""

    provisioned: Provisioned
    record: ProvisionerRecord


class Launch:
    """One launch by a provisioner, in the order of Jupyter's own applications."""

    def __init__(self, spec: ProvisionedSpec, request: LaunchRequest, log: ProvisionerLog) -> None:
        self._spec = spec
        self._request = request
        self._log = log
        self._name = spec.stanza.name

    async def run(self) -> Launched:
        """Start the kernel. Raises LaunchFailed; then, and when cancelled, nothing is left of it."""
        made = await self._made()
        started_at = time.time_ns() // 1000
        try:
            await self._start(made)
            connection = self._connection(made.parent)
            return Launched(made, await self._record(made, connection, started_at))
        except BaseException as error:
            await self._undo(made)
            if isinstance(error, Exception) and not isinstance(error, LaunchFailed):
                raise LaunchFailed(self._could_not(error)) from error
            raise

    async def find(self, known: ProvisionerRecord) -> Launched | None:
        """Return the kernel of a record; None if it has ended or its provisioner cannot tell."""
        if known.info is None:
            return None
        made = await self._made()
        info = unkept(known.info)
        await made.provisioner.load_provisioner_info(info)
        if made.is_local and known.pid is not None:
            process: Any = found_process(known)
            if process is None:
                return None
            made.provisioner.process = process  # type: ignore[attr-defined]
        made.parent.load_connection_info(_connection_info(known.connection))
        if not made.has_process or await made.provisioner.poll() is not None:
            return None
        return Launched(made, known)

    async def _made(self) -> Provisioned:
        home = await home_of(self._name, HOME_SECONDS)
        try:
            return await home.call(self._making, MAKING_SECONDS)
        except TimeoutError:
            raise LaunchFailed(
                f"The kernel provisioner {self._name!r} cannot be made within {MAKING_SECONDS:g} s."
            ) from None

    async def _making(self) -> Provisioned:
        entry = installed(self._name)
        if entry is None:
            raise LaunchFailed(stanza_problem(self._spec.stanza) or "")
        try:
            return provisioned(
                self._spec,
                entry,
                kernel_id=self._request.kernel_id,
                connection_file=self._request.connection_file,
                ordered=self._request.environment,
                log=self._log.logger,
            )
        except Exception as error:
            raise LaunchFailed(
                f"The kernel provisioner {self._name!r} ({entry.value}) cannot be made: "
                f"{told(error)}. Mend its 'config' in the kernelspec, or its package."
            ) from error

    async def _start(self, made: Provisioned) -> None:
        request = self._request
        keywords: dict[str, Any] = {
            "cwd": directory_for(request),
            "env": environment_for(request, self._spec.unset),
            "kernel_id": request.kernel_id,
        }
        output = self._log.open() if made.is_local else None
        if made.is_local:
            # Words of ``Popen`` and of jupyter_client's own launcher, which local ones lead to.
            keywords |= {"independent": True, "stdout": output, "stderr": output}
        try:
            await made.parent.start_kernel(**keywords)
        except AssertionError:
            if made.has_process:
                raise
            raise LaunchFailed(
                f"The kernel provisioner {self._name!r} returned without a kernel."
            ) from None
        finally:
            if output is not None:
                os.close(output)

    def _connection(self, parent: Parent) -> Connection:
        if parent.curve_publickey is not None:
            raise LaunchFailed(
                f"The kernel provisioner {self._name!r} encrypts the kernel's sockets (CurveZMQ), "
                "which is not supported. Turn that off in its configuration."
            )
        connection = Connection(
            transport="ipc" if parent.transport == "ipc" else "tcp",
            ip=parent.ip,
            shell_port=parent.shell_port,
            iopub_port=parent.iopub_port,
            stdin_port=parent.stdin_port,
            control_port=parent.control_port,
            hb_port=parent.hb_port,
            key=parent.session.key.decode(),
            signature_scheme=parent.session.signature_scheme,
            kernel_name=self._spec.name,
        )
        if not all(0 < port < 65536 for port in connection.ports):
            raise LaunchFailed(
                f"The kernel provisioner {self._name!r} does not say where the kernel listens: "
                f"it told the ports {', '.join(map(str, connection.ports))}."
            )
        return connection

    async def _record(
        self, made: Provisioned, connection: Connection, started_at: int
    ) -> ProvisionerRecord:
        request = self._request
        start_time = None if made.pid is None else start_time_of(made.pid)
        return ProvisionerRecord(
            spec=self._spec,
            kernel_id=request.kernel_id,
            attempt=request.attempt,
            connection_file=str(request.connection_file),
            log=str(request.log),
            work_dir=str(request.work_dir),
            connection=connection,
            info=await self._info(made),
            started_at=started_at,
            # A program that has ended already was not the kernel, but has only submitted it.
            pid=None if start_time is None else made.pid,
            start_time=start_time,
        )

    async def _info(self, made: Provisioned) -> dict[str, Any] | None:
        try:
            info = kept(await made.provisioner.get_provisioner_info())
        except Exception as error:  # noqa: BLE001 - it is a stranger's code
            self._log.logger.warning(
                "It gives no record that can be kept, so its kernel ends with the agent: %r", error
            )
            return None
        return info if isinstance(info, dict) else None

    async def _undo(self, made: Provisioned) -> None:
        """End what was begun; a second cancellation does not stop it."""
        undoing = asyncio.ensure_future(self._ended(made))
        try:
            await asyncio.shield(undoing)
        except asyncio.CancelledError:
            await undoing

    async def _ended(self, made: Provisioned) -> None:
        try:
            async with asyncio.timeout(UNDO_SECONDS):
                if made.has_process:
                    await made.provisioner.kill(restart=False)
                    await made.provisioner.wait()
        except Exception as error:  # noqa: BLE001 - it is a stranger's code
            self._log.logger.warning("What it began cannot be ended: %r", error)
        try:
            async with asyncio.timeout(UNDO_SECONDS):
                await made.parent.cleanup_resources(restart=False)
        except Exception as error:  # noqa: BLE001 - it is a stranger's code
            self._log.logger.warning("Its clean-up failed: %r", error)

    def _could_not(self, error: Exception) -> str:
        return f"The kernel provisioner {self._name!r} could not start it: {told(error)}"


def told(error: BaseException) -> str:
    """An error of a stranger's code in one short line."""
    text = " ".join(str(error).split())[:500]
    return text if isinstance(error, RuntimeError) and text else f"{type(error).__name__}: {text}"


def _connection_info(connection: Connection) -> Any:
    return {
        "transport": connection.transport,
        "ip": connection.ip,
        "shell_port": connection.shell_port,
        "iopub_port": connection.iopub_port,
        "stdin_port": connection.stdin_port,
        "control_port": connection.control_port,
        "hb_port": connection.hb_port,
        "key": connection.key,
        "signature_scheme": connection.signature_scheme,
    }
