"""What a kernel's process prints beside the protocol, kept in a file that does not grow for ever.

The process itself appends to the file, whether an agent runs or not; nothing is piped through us.
Once more is kept than is allowed, the head of the file is freed and the offsets stay. Where the file
system cannot do that, the end is moved to the beginning of the file instead, and a small file beside it
tells by how much; what is printed in the very moment in which the file is shortened is then lost.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from kernelyard.agent.holes import begin_of_data, free_head
from kernelyard.model.errors import Invalid
from kernelyard.wire.link import LogPart

MOST_AT_ONCE = 1024 * 1024
"""Bytes of one part; whoever wants more asks again."""
LEAST = 64 * 1024
"""Bytes that are kept however small the limit: space is given back in whole blocks."""
CRASH = "Fatal Python error"
"""How the trace of an interpreter that crashed begins."""
_TRACE = "Traceback (most recent call last):"
_TAIL_BYTES = 16 * 1024
_TAIL_LINES = 20
_LONGEST_BASE = 32


@dataclass(frozen=True, slots=True)
class KernelLog:
    """The log of one kernel. Every offset counts from the first byte that was ever printed."""

    path: Path
    free: Callable[[int, int], int] = field(default=free_head, compare=False)
    """Frees the head of a file; raises OSError where that cannot be done."""

    @property
    def size(self) -> int:
        """How much was printed so far."""
        try:
            found = self.path.stat(follow_symlinks=False)
        except FileNotFoundError:
            return 0
        return self._base() + found.st_size if stat.S_ISREG(found.st_mode) else 0

    def read(self, begin: int | None, most: int) -> LogPart:
        """Return what was printed from ``begin`` on, or at the end. Raises Invalid.

        Where the beginning is no longer kept, what is kept comes instead.
        """
        part = self._read(begin, min(max(most, 1), MOST_AT_ONCE))
        if begin is not None and not 0 <= begin <= part.size:
            raise Invalid(
                f"'after' is {begin}, and this kernel's log has {part.size} bytes so far. Give the "
                "'end' of an earlier answer, or leave it out for the last bytes.",
                field="after",
            )
        return part

    def tail(self, begin: int) -> str:
        """The last lines that were printed since the log was ``begin`` bytes long.

        Of a crash the first ones: they say what happened and where. What was raised last comes before
        them, if it is further up.
        """
        part = self._read(None, _TAIL_BYTES)
        data = part.data[max(0, begin - part.begin) :]
        lines = data.decode(errors="replace").splitlines()
        crashes = [at for at, line in enumerate(lines) if line.startswith(CRASH)]
        if crashes and len(lines) - crashes[-1] > _TAIL_LINES:
            lines = lines[crashes[-1] :][:_TAIL_LINES]
        last, raised = lines[-_TAIL_LINES:], last_raised(lines)
        if raised and raised not in last:
            last = [_TRACE, "…", raised, *last]
        return "\n".join(last).strip()

    def is_over(self, limit: int) -> bool:
        """Whether it takes more space than ``limit``, as far as one look tells; 0 for no limit."""
        if not limit:
            return False
        try:
            found = self.path.stat(follow_symlinks=False)
        except OSError:
            return False
        return min(found.st_size, found.st_blocks * 512) > max(limit, LEAST)

    def trim(self, limit: int) -> None:
        """Keep no more than about ``limit`` bytes, the last ones. Raises OSError."""
        with self._opened(os.O_RDWR) as descriptor:
            if descriptor is None:
                return
            limit, size = max(limit, LEAST), os.fstat(descriptor).st_size
            if size - begin_of_data(descriptor) <= limit:
                return
            # A little less than allowed, so that not every line that follows is one too many.
            begin = size - limit * 3 // 4
            try:
                self.free(descriptor, begin)
            except OSError:
                self._move_to_front(descriptor, begin)

    def _move_to_front(self, descriptor: int, begin: int) -> None:
        # Noted first: an offset that was told once must not come to mean what was printed earlier.
        self._write_base(self._base() + begin)
        length = 0
        while data := os.pread(descriptor, MOST_AT_ONCE, begin + length):
            length += os.pwrite(descriptor, data, length)
        os.ftruncate(descriptor, length)

    def _read(self, begin: int | None, most: int) -> LogPart:
        with self._opened(os.O_RDONLY) as descriptor:
            if descriptor is None:
                return LogPart(b"", 0, 0, 0, 0)
            base, length = self._base(), os.fstat(descriptor).st_size
            kept_from, size = base + begin_of_data(descriptor), base + length
            wanted = size - most if begin is None else begin
            at = min(max(wanted, kept_from), size)
            data = os.pread(descriptor, min(most, size - at), at - base)
        return LogPart(data, at, at + len(data), size, kept_from)

    def _base(self) -> int:
        try:
            descriptor = os.open(self._base_path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            return 0
        try:
            return max(0, int(os.read(descriptor, _LONGEST_BASE)))
        except (OSError, ValueError):
            return 0
        finally:
            os.close(descriptor)

    def _write_base(self, base: int) -> None:
        fresh = self._base_path.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        try:
            os.write(descriptor, b"%d" % base)
        finally:
            os.close(descriptor)
        fresh.replace(self._base_path)

    @property
    def _base_path(self) -> Path:
        return self.path.with_name(f"{self.path.name}.begin")

    @contextmanager
    def _opened(self, mode: int) -> Iterator[int | None]:
        """The file, if it is an ordinary one: the kernel's own code can put anything in its place."""
        flags = mode | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        try:
            descriptor = os.open(self.path, flags)
        except OSError:
            yield None
            return
        try:
            yield descriptor if stat.S_ISREG(os.fstat(descriptor).st_mode) else None
        finally:
            os.close(descriptor)


def last_raised(lines: list[str]) -> str:
    """The line that ends the last Python traceback: what was raised; nothing if there is none."""
    found, tracing = "", False
    for line in lines:
        if _TRACE in line:
            tracing = True
        elif tracing and line[:1].strip() and line != "…":
            found, tracing = line, False
    return found
