"""Where things lie: the agent's part of the data directory, and short private paths for sockets."""

from __future__ import annotations

import hashlib
import os
import re
import stat
import tempfile
from collections.abc import Collection
from pathlib import Path

from kernelyard.model.errors import AgentUnavailable, Invalid
from kernelyard.model.ids import is_uuid

_IPC_NAME = re.compile(r"[0-9a-f]{32}-[0-9]+[-:][1-5]")
LONGEST_SOCKET_PATH = 100
"""Bytes; Linux takes 107 and macOS 103."""
_LONGEST_SOCKET_NAME = 45
"""Room for the longest name in the runtime directory: a kernel id, its attempt and a socket number."""


def agent_dir(data_dir: Path) -> Path:
    """The agent's own directory."""
    return data_dir / "agent"


def kernel_dir(data_dir: Path, kernel_id: str) -> Path:
    """The directory of one kernel: journal, queue, work directory. Raises Invalid."""
    return agent_dir(data_dir) / "kernels" / _checked(kernel_id)


def runtime_dir(data_dir: Path) -> Path:
    """Return the short private directory for sockets, made if it is missing.

    It is ``agent/run`` in the data directory, or lies in ``/tmp`` if that path is too long for a
    socket. Never below ``$XDG_RUNTIME_DIR``, which is removed at log-out while kernels go on. Raises
    AgentUnavailable if it belongs to somebody else or others may enter it.
    """
    place = runtime_path(data_dir)
    try:
        place.mkdir(mode=0o700, parents=place.parent == agent_dir(data_dir))
    except FileExistsError:
        pass
    except OSError as error:
        raise AgentUnavailable(
            f"The directory {place} for sockets cannot be made ({error.strerror}). "
            "Choose a data directory with a shorter path."
        ) from error
    _verify_private(place)
    return place


def runtime_path(data_dir: Path) -> Path:
    """Where the runtime directory of ``data_dir`` is, or would be."""
    own = agent_dir(data_dir) / "run"
    fits = len(os.fsencode(own)) + 1 + _LONGEST_SOCKET_NAME <= LONGEST_SOCKET_PATH
    return own if fits else Path("/tmp") / runtime_name(data_dir)  # noqa: S108 - verified when used


def runtime_name(data_dir: Path) -> str:
    """The name of a runtime directory in ``/tmp``, the same however the data directory is written."""
    digest = hashlib.sha256(os.fsencode(data_dir.resolve())).hexdigest()
    return f"kernelyard-{os.getuid()}-{digest[:12]}"


def socket_path(data_dir: Path, *, make: bool = True) -> Path:
    """Where the agent listens: in its directory, unless that path is too long for a socket.

    Without ``make`` no directory is made for it, for those who only look.
    """
    return _socket(data_dir, "agent.sock", make=make)


def spawner_path(data_dir: Path, *, make: bool = True) -> Path:
    """Where the process that starts kernels listens to the agent; as with ``socket_path``."""
    return _socket(data_dir, "spawner.sock", make=make)


def _socket(data_dir: Path, name: str, *, make: bool) -> Path:
    path = agent_dir(data_dir) / name
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
        return path
    place = runtime_path(data_dir)
    return (runtime_dir(data_dir) if make or place.exists() else place) / name


def ipc_prefix(data_dir: Path, kernel_id: str, attempt: int) -> str:
    """The path with which the names of a kernel's sockets begin; ZeroMQ adds ``-1`` to ``-5``.

    The whole id stands in it, so that sockets of two kernels can never meet.
    """
    name = f"{_checked(kernel_id).replace('-', '')}-{attempt}"
    return str(runtime_dir(data_dir) / name)


def remove_ipc(prefix: str) -> None:
    """Remove the sockets that begin with ``prefix``; a kernel leaves them behind when it ends."""
    start = Path(prefix)
    if not start.parent.is_dir():
        return
    for path in list(start.parent.iterdir()):
        # Some kernels put a colon where the protocol has a dash.
        rest = path.name.removeprefix(start.name)
        if rest != path.name and rest[:1] in ("-", ":") and rest[1:].isdigit():
            path.unlink(missing_ok=True)


def remove_ipc_of(data_dir: Path, kernel_id: str) -> None:
    """Remove all sockets of one kernel, of whatever attempt."""
    begin = f"{_checked(kernel_id).replace('-', '')}-"
    for path in _sockets(data_dir):
        if path.name.startswith(begin):
            path.unlink(missing_ok=True)


def sweep_ipc(data_dir: Path, living: Collection[str]) -> None:
    """Remove the sockets of all kernels but the ``living``."""
    known = {kernel_id.replace("-", "") for kernel_id in living}
    for path in _sockets(data_dir):
        if path.name.partition("-")[0] not in known:
            path.unlink(missing_ok=True)


def _sockets(data_dir: Path) -> list[Path]:
    place = runtime_path(data_dir)
    if not place.is_dir():
        return []
    return [path for path in place.iterdir() if _IPC_NAME.fullmatch(path.name)]


def write_private(path: Path, content: bytes, *, see_on_disk: bool = True) -> None:
    """Write a file that only its owner may read, whole or not at all, and see it on the disk."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            if see_on_disk:
                os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    if see_on_disk:
        sync(path.parent)


def sync(path: Path) -> None:
    """Return when a file, or what a directory lists, is on the disk. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _checked(kernel_id: str) -> str:
    if not is_uuid(kernel_id):
        raise Invalid(
            f"{kernel_id[:80]!r} is not the id of a kernel; ids are lower-case UUIDs.",
            field="kernel_id",
        )
    return kernel_id


def _verify_private(place: Path) -> None:
    found = place.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        problem = "is not a directory of yours"
    elif stat.S_IMODE(found.st_mode) & 0o077:
        problem = f"has the mode {stat.S_IMODE(found.st_mode):04o} and must have 0700"
    else:
        return
    raise AgentUnavailable(
        f"The directory {place} for sockets {problem}. Remove it, or choose a data directory with "
        "a shorter path."
    )
