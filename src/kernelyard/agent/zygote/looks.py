"""What the table of processes shows of us: command line and environment, as they were at the start."""

import os

_MARGIN = 1


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


def show(argv: "list[str]", environment: "dict[str, str]", first: str = "") -> None:
    """Let others see this command line and this environment; as much of it as there is space for.

    ``first`` is the variable that must be seen. The memory was written by the system when the process
    began; nothing of the interpreter refers to it any more but the name of the program, which stays.
    """
    places = _places()
    if places is None:
        return
    arg_start, arg_end, env_start, env_end = places
    line = b"".join(os.fsencode(one) + b"\0" for one in argv)
    names = sorted(environment, key=lambda name: name != first)
    entries = [os.fsencode(f"{name}={environment[name]}") + b"\0" for name in names]
    try:
        memory = os.open("/proc/self/mem", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return
    try:
        os.pwrite(memory, _filled([line], arg_end - arg_start), arg_start)
        os.pwrite(memory, _filled(entries, env_end - env_start), env_start)
    except (OSError, OverflowError):
        pass
    finally:
        os.close(memory)


def _filled(entries: "list[bytes]", space: int) -> bytes:
    text = b""
    for entry in entries:
        if len(text) + len(entry) <= space:
            text += entry
        elif not text:
            # The system reads on where the last byte of a command line is not zero.
            text = entry[: max(0, space - _MARGIN)]
    return text.ljust(space, b"\0")


def _places() -> "tuple[int, int, int, int] | None":
    try:
        with open("/proc/self/stat", "rb") as file:  # noqa: PTH123
            fields = file.read().rpartition(b")")[2].split()
        found = [int(field) for field in fields[45:49]]
    except (OSError, ValueError):
        return None
    if len(found) < 4 or not all(found):
        return None
    return found[0], found[1], found[2], found[3]
