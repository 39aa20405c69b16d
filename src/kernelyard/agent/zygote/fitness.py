"""Whether kernels may be forked from a process: what two of them must not have in common."""

import gc
import os
import signal
import sys
import tempfile
from typing import Any

_HARMLESS = ("/dev/null", "/dev/urandom", "/dev/random", "/dev/zero")
_OF_GPUS = ("/dev/nvidia", "/dev/kfd", "/dev/dri", "/dev/dxg", "/dev/habanalabs", "/dev/accel")
_THREADS = "/proc/self/task"
_DESCRIPTORS = "/proc/self/fd"


class Unfit(Exception):
    """Kernels cannot be forked from here; why, in a sentence for people."""


def threads() -> int:
    """How many threads the process has, also those that Python knows nothing of."""
    try:
        return len(os.listdir(_THREADS))  # noqa: PTH208 - paths would be made for nothing
    except OSError:
        # Without such a table nobody knows of threads of libraries.
        import threading

        return threading.active_count()


def look_for_threads(of: str) -> None:
    """Raise Unfit if there are threads that do not end at a fork.

    Some libraries (OpenBLAS) end the threads of their pool before a fork, and begin new ones when they
    are needed: in a kernel, too.
    """
    if threads() == 1:
        return
    pid = os.fork()
    if not pid:
        os._exit(0)
    os.waitpid(pid, 0)
    if (left := threads()) > 1:
        raise Unfit(f"{of} starts threads ({left - 1} of them), which a fork does not copy")


def look_for_graphics(of: str) -> None:
    """Raise Unfit if a GPU is in use: what its library knows of it cannot be forked."""
    try:
        with open("/proc/self/maps") as maps:  # noqa: PTH123
            mapped = any(place in line for line in maps for place in _OF_GPUS)
    except OSError:
        mapped = False
    if mapped or any(place.startswith(_OF_GPUS) for place in open_files().values()):
        raise Unfit(f"{of} has begun to use a GPU, which cannot be shared by a fork")


def look_for_shared_memory(of: str) -> None:
    """Raise Unfit if there is memory that stays one after a fork: what one kernel writes there, others read."""
    for place in _shared_memory():
        raise Unfit(f"{of} makes shared memory ({place}), which kernels would have in common")


def _shared_memory() -> "list[str]":
    """Files that are mapped to be shared, without those that can only be read."""
    found = []
    try:
        with open("/proc/self/maps", errors="replace") as maps:  # noqa: PTH123
            for line in maps:
                _, rights, _, _, _, *place = line.split(None, 5)
                if rights[3] == "s" and rights[1] == "w":
                    found.append("".join(place).strip() or "without a name")
    except OSError:
        return found
    return found


def look_for_processes(of: str) -> None:
    """Raise Unfit if a process was started that nobody has taken leave of."""
    if not hasattr(os, "waitid"):
        return
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return
    raise Unfit(f"{of} starts a process, which is no kernel's own")


def look_for_timers(of: str) -> None:
    """Raise Unfit if an alarm is set: it would ring here, and in no kernel."""
    kinds = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)
    if any(signal.getitimer(kind) != (0.0, 0.0) for kind in kinds):
        raise Unfit(f"{of} sets a timer, which a fork does not copy")


def look(of: str, allowed: "set[int]") -> None:
    """Raise Unfit if anything was left that kernels would share, or would not have.

    ``allowed`` are the descriptors that may be open.
    """
    look_for_graphics(of)
    look_for_threads(of)
    look_for_files(of, allowed)
    look_for_shared_memory(of)
    look_for_processes(of)
    look_for_timers(of)


def open_files() -> "dict[int, str]":
    """Return what descriptors lead to."""
    found: dict[int, str] = {}
    try:
        names = os.listdir(_DESCRIPTORS)  # noqa: PTH208
    except OSError:
        return found
    for name in names:
        try:
            found[int(name)] = os.readlink(f"{_DESCRIPTORS}/{name}")  # noqa: PTH115
        except OSError:
            # That was of the directory which has just been read.
            continue
    return found


def is_harmless(place: str) -> bool:
    """Whether a file may be open in many processes at once, for it has no position and no state."""
    return place in _HARMLESS


def look_for_files(of: str, allowed: "set[int]") -> None:
    """Raise Unfit if a file, a socket, a pipe or an event loop is open that was not before."""
    for number, place in open_files().items():
        if number not in allowed and not is_harmless(place):
            what = place.split(":", 1)[0] if place.startswith(("socket:", "pipe:")) else place
            raise Unfit(f"{of} leaves {what} open, which kernels would share")


def look_for_objects() -> None:
    """Raise Unfit if there is an object that must not cross a fork, though it has no descriptor."""
    kinds = _kinds()
    for one in gc.get_objects():
        if type(one) in kinds or isinstance(one, tuple(kinds)):
            name = kinds.get(type(one)) or next(kinds[k] for k in kinds if isinstance(one, k))
            raise Unfit(f"there is {name}, which kernels would share")


def _kinds() -> "dict[Any, str]":
    kinds = {}
    for module, cls, name in (
        ("sqlite3", "Connection", "an open SQLite connection"),
        ("zmq", "Context", "a ZeroMQ context"),
        ("asyncio.base_events", "BaseEventLoop", "an event loop"),
    ):
        kind = getattr(sys.modules.get(module), cls, None)
        if kind is not None:
            kinds[kind] = name
    return kinds


class Temporary:
    """Notices when a name for a temporary file is taken, for all kernels would have the same file."""

    def __init__(self) -> None:
        self.taken = False
        self._names: Any = getattr(tempfile, "_get_candidate_names", None)

    def __enter__(self) -> "Temporary":  # noqa: PYI034 - old interpreters have no Self
        def names() -> Any:
            self.taken = True
            return self._names()

        if self._names is not None:
            setattr(tempfile, "_get_candidate_names", names)  # noqa: B010 - no type has it
        return self

    def __exit__(self, *_: object) -> None:
        if self._names is not None:
            setattr(tempfile, "_get_candidate_names", self._names)  # noqa: B010
        # Another kernel may have another directory for such files.
        tempfile.tempdir = None

    def look(self, of: str) -> None:
        """Raise Unfit if one was taken."""
        if self.taken:
            raise Unfit(
                f"{of} makes temporary files when it is imported, which kernels would share"
            )
