"""What the table of processes shows of us: command line and environment, as they were at the start."""

import ctypes
import os

_PR_SET_MM = 35
_PR_SET_MM_MAP = 14
_FIELDS = ("start_code", "end_code", "start_data", "end_data", "start_brk", "brk", "start_stack")


def forget_initial_environment() -> None:
    """Let nothing refer any more to the memory in which the environment was at the start."""
    for name, value in os.environ.items():
        os.putenv(name, value)


def set_environment(wanted: "dict[str, str]") -> None:
    """Make the environment what is wanted, also for libraries."""
    for name in [name for name in os.environ if name not in wanted]:
        del os.environ[name]
    for name, value in wanted.items():
        if os.environ.get(name) != value:
            os.environ[name] = value


def show(argv: "list[str]", environment: "dict[str, str]", first: str = "") -> bool:
    """Let others see this command line and this environment; as much of it as there is space for.
    Return whether they do.

    ``first`` is the variable that must be seen. The memory was written by the system when the process
    began; nothing of the interpreter refers to it any more but the name of the program, which stays.
    Space that is left over is given up, where the system knows of that.
    """
    fields = _fields()
    if fields is None:
        return False
    arg_start, arg_end, env_start, env_end = fields[45:49]
    names = sorted(environment, key=lambda name: name != first)
    line = _write(argv, arg_start, arg_end)
    seen = _write([f"{name}={environment[name]}" for name in names], env_start, env_end)
    if not line or not seen:
        return False
    _cut(fields, arg_start + line, env_start + seen)
    return True


def show_line(argv: "list[str]") -> bool:
    """Let others see this command line; all the space is kept, for those who are forked from here."""
    fields = _fields()
    return fields is not None and _write(argv, fields[45], fields[46]) > 0


def _write(entries: "list[str]", start: int, end: int) -> int:
    """Write as many whole entries as there is space for; return how long they are."""
    text = b""
    for entry in entries:
        encoded = os.fsencode(entry) + b"\0"
        if len(text) + len(encoded) <= end - start:
            text += encoded
    try:
        memory = os.open("/proc/self/mem", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return 0
    try:
        os.pwrite(memory, text.ljust(end - start, b"\0"), start)
    except (OSError, OverflowError):
        return 0
    finally:
        os.close(memory)
    return len(text)


class _Map(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_uint64) for name in _FIELDS),
        *((name, ctypes.c_uint64) for name in ("arg_start", "arg_end", "env_start", "env_end")),
        ("auxv", ctypes.c_void_p),
        ("auxv_size", ctypes.c_uint32),
        ("exe_fd", ctypes.c_uint32),
    )


def _cut(fields: "list[int]", arg_end: int, env_end: int) -> None:
    """Tell the system where the two end now; else those who look see zeros behind them."""
    try:
        library = ctypes.CDLL(None)
        library.sbrk.restype = ctypes.c_void_p
        wanted = _Map(
            *fields[23:25],
            *fields[42:45],
            library.sbrk(0),
            fields[25],
            fields[45],
            arg_end,
            fields[47],
            env_end,
            None,
            0,
            0xFFFFFFFF,
        )
        size = ctypes.c_ulong(ctypes.sizeof(wanted))
        library.prctl(_PR_SET_MM, ctypes.c_ulong(_PR_SET_MM_MAP), ctypes.byref(wanted), size, None)
    except (OSError, AttributeError):
        return


def _fields() -> "list[int] | None":
    """What the system tells of us, as numbers; None where it does not."""
    try:
        with open("/proc/self/stat", "rb") as file:  # noqa: PTH123
            told = file.read().rpartition(b")")[2].split()
        found = [0, *map(int, told[1:49])]
    except (OSError, ValueError):
        return None
    return found if len(found) == 49 and all(found[45:49]) else None
