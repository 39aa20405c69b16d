"""What is written down of a provisioned kernel, so that a later agent finds it again."""

from __future__ import annotations

import base64
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from kernelyard.model.json import JsonObject, JsonValue
from kernelyard.model.quantities import Micros
from kernelyard.providers.launcher import LaunchRequest
from kernelyard.providers.process_identity import boot_id, start_time_of
from kernelyard.providers.provisioner.spec import ProvisionedSpec
from kernelyard.wire.connections import Connection

_BYTES = "base64"


class ProvisionerRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One launched kernel; holds its key, so it belongs into a private file."""

    spec: ProvisionedSpec
    kernel_id: str
    attempt: int
    connection_file: str
    log: str
    work_dir: str
    connection: Connection
    info: dict[str, Any] | None
    """What the provisioner gave as its own record; None if it gave nothing that can be kept."""
    started_at: Micros
    pid: int | None = None
    start_time: int | None = None
    boot_id: str = msgspec.field(default_factory=boot_id)

    def request(self) -> LaunchRequest:
        """What the kernel was asked to be started with, as far as a found one needs it."""
        return LaunchRequest(
            kernel_id=self.kernel_id,
            attempt=self.attempt,
            work_dir=Path(self.work_dir),
            connection_file=Path(self.connection_file),
            log=Path(self.log),
        )

    def to_json(self) -> JsonObject:
        """The record as JSON."""
        content: JsonObject = msgspec.to_builtins(self)
        return content

    @classmethod
    def from_json(cls, content: JsonObject) -> ProvisionerRecord | None:
        """Return the record that ``to_json`` gave; None if it is of another sort."""
        try:
            return msgspec.convert(content, cls)
        except msgspec.ValidationError:
            return None


def kept(value: Any) -> JsonValue:
    """Return a provisioner's own record as JSON. Raises TypeError if that is impossible."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, bytes):
        return {_BYTES: base64.b64encode(value).decode()}
    if isinstance(value, Mapping):
        return {str(key): kept(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [kept(item) for item in value]
    raise TypeError(f"a {type(value).__name__} cannot be written down")


def unkept(value: JsonValue) -> Any:
    """Return what ``kept`` was given."""
    if isinstance(value, dict):
        if set(value) == {_BYTES}:
            return base64.b64decode(str(value[_BYTES]))
        return {key: unkept(item) for key, item in value.items()}
    return [unkept(item) for item in value] if isinstance(value, list) else value


class FoundProcess:
    """Stands in for the ``Popen`` of a process that an earlier agent has started.

    Jupyter's local provisioner cannot find its kernel again by itself: without a ``Popen`` it takes it
    for dead. The exit code of a process that is not our child nobody can know; it is told as None.
    """

    stdin = stdout = stderr = None

    def __init__(self, pid: int, start_time: int) -> None:
        self.pid = pid
        self.start_time = start_time
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """None while it lives, then some number."""
        if self.returncode is None and start_time_of(self.pid) != self.start_time:
            self.returncode = 0
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Called only when it has ended."""
        del timeout
        return self.returncode or 0

    def send_signal(self, signum: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, signum)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)


def found_process(record: ProvisionerRecord) -> FoundProcess | None:
    """Return the process of a record if it still runs; never a later one with the same id."""
    if record.pid is None or record.start_time is None or record.boot_id != boot_id():
        return None
    if start_time_of(record.pid) != record.start_time:
        return None
    return FoundProcess(record.pid, record.start_time)
