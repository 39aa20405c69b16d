"""Reading a directory of connection files, of which others may write anything at any moment."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from kernelyard.wire.connections import Connection
from kernelyard.wire.foreign import LARGEST_FILE, foreign_connection, identity_of

MOST_FILES = 2000
"""Of more, those that come first by their names are read. The others are there nevertheless."""
FURTHER = "(further files)"
_SUFFIX = ".json"
_PORT = b'"shell_port"'
_Stamp = tuple[int, int, int]


class Unusable(Exception):
    """A file that is not used; the text says why."""


@dataclass(frozen=True, slots=True)
class ConnectionFile:
    """A connection file that may be used, as it was when it was read."""

    name: str
    connection: Connection
    identity: str
    changed_at: int
    """When it was last changed in any way, in microseconds."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What is in a directory."""

    files: list[ConnectionFile]
    refused: dict[str, str]
    """Why others are not used, by their names."""
    present: list[str]
    """The names of all that may be connection files, whether they are read or not."""


class Directory:
    """One directory; what has not changed is not read again."""

    def __init__(self, path: Path, *, most: int = MOST_FILES) -> None:
        self._path = path
        self._most = most
        self._known: dict[str, tuple[_Stamp, ConnectionFile | Unusable | None]] = {}

    def read(self) -> Contents:
        """Return what is there now. Raises OSError if the directory cannot be read."""
        descriptor = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            names = _names(descriptor)
            found = {name: self._look(descriptor, name) for name in names[: self._most]}
        finally:
            os.close(descriptor)
        self._known = {name: known for name, known in self._known.items() if name in found}
        refused = {name: str(one) for name, one in found.items() if isinstance(one, Unusable)}
        if len(names) > self._most:
            refused[FURTHER] = (
                f"only {self._most} files are looked at: remove those of ended kernels"
            )
        return Contents(
            files=[one for one in found.values() if isinstance(one, ConnectionFile)],
            refused=refused,
            present=names,
        )

    def read_one(self, name: str) -> ConnectionFile:
        """Return one file as it is now. Raises Unusable, OSError."""
        if Path(name).name != name or not _may_be(name):
            raise Unusable("there is no such connection file")
        descriptor = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            found, _ = _read(descriptor, name)
        finally:
            os.close(descriptor)
        if found is None:
            raise Unusable("it tells of no kernel")
        return found

    def _look(self, directory: int, name: str) -> ConnectionFile | Unusable | None:
        try:
            stamp = _stamp(os.stat(name, dir_fd=directory, follow_symlinks=False))
            before = self._known.get(name)
            if before is not None and before[0] == stamp:
                return before[1]
            found, read = _read(directory, name)
        except Unusable as problem:
            return problem
        except OSError as error:
            return Unusable(f"it cannot be read: {error.strerror}")
        # What was written while it was read is read again.
        if read == stamp:
            self._known[name] = (stamp, found)
        return found


def _names(directory: int) -> list[str]:
    with os.scandir(directory) as entries:
        return sorted(entry.name for entry in entries if _may_be(entry.name))


def _read(directory: int, name: str) -> tuple[ConnectionFile | None, _Stamp]:
    """Read a file; None if it is JSON about something else, as others lie in such directories too."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(name, flags, dir_fd=directory)
    except OSError as error:
        if Path(name).name == name and _is_link(directory, name):
            raise Unusable("it is a symbolic link") from error
        raise
    try:
        status = os.fstat(descriptor)
        _check(status)
        data = os.read(descriptor, LARGEST_FILE + 1)
        stamp = _stamp(os.fstat(descriptor))
    finally:
        os.close(descriptor)
    if data.rstrip().endswith(b"}") and _PORT not in data:
        return None, stamp
    try:
        connection = foreign_connection(data)
    except ValueError as error:
        raise Unusable(str(error)) from None
    return ConnectionFile(name, connection, identity_of(connection), stamp[2] // 1000), stamp


def _check(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise Unusable("it is no ordinary file")
    if status.st_uid != os.getuid():
        raise Unusable("it belongs to another user")
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise Unusable("others may write it: chmod go-w it, if you trust what is in it")


def _stamp(status: os.stat_result) -> _Stamp:
    return status.st_ino, status.st_size, status.st_ctime_ns


def _is_link(directory: int, name: str) -> bool:
    try:
        return stat.S_ISLNK(os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode)
    except OSError:
        return False


def _may_be(name: str) -> bool:
    return name.endswith(_SUFFIX) and not name.startswith(".") and name.isprintable()
