"""What kernels are given to do. Everything a job says is known beforehand from its key."""

from __future__ import annotations

import base64
import hashlib
import inspect
import random
from collections.abc import Callable
from dataclasses import dataclass

from tests.torture.pictures import png

RUNS = "runs"
"""The file in the work directory in which each job notes that it runs."""
_PRELUDE = """
import os, sys, time, zlib, struct, random, base64, hashlib
KEY = {key!r}
_seen = globals().setdefault("_seen", {{}})
_seen[KEY] = _seen.get(KEY, 0) + 1
try:
    _file = os.open({runs!r}, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(_file, ("\\n" + KEY + "\\n").encode())
    finally:
        os.close(_file)
except OSError:
    pass
"""
_PNG = inspect.getsource(png)
MOST_AT_ONCE = 4000
"""Lines of a flood. Left to itself ipykernel keeps 1000 messages for a reader that is slow, and drops
what comes then without a word: with many more a paused agent shows that nothing is dropped."""
PROBE = (
    'import json, os\nprint(json.dumps({"pid": os.getpid(), "seen": globals().get("_seen", {})}))'
)
"""Asks a kernel who it is, and which jobs ran in it how often."""


@dataclass(frozen=True, slots=True)
class Job:
    """Code, and what it says if it runs from its beginning to its end."""

    key: str
    kind: str
    code: str
    state: str = "succeeded"
    stdout: str = ""
    stderr: str = ""
    pictures: tuple[str, ...] = ()
    """Each as base64, in order."""

    @property
    def lines(self) -> int:
        """How many lines it prints."""
        return self.stdout.count("\n") + self.stderr.count("\n")


def job_of(key: str, kind: str | None = None) -> Job:
    """Return the job of a key: the same one in every process that asks."""
    dice = random.Random(key)  # noqa: S311 - chooses work, guards nothing
    chosen = kind or dice.choices(list(_KINDS), [weight for _, weight in _KINDS.values()])[0]
    make, _ = _KINDS[chosen]
    return make(key, dice)


def _lines(key: str, dice: random.Random) -> Job:
    """Numbered lines with pauses, now and then one on stderr."""
    count, pause = dice.randint(15, 120), dice.choice([0.0, 0.005, 0.02, 0.05])
    code = f"""
for i in range({count}):
    print(KEY, i, "x" * (i % 40), flush=True, file=sys.stderr if i % 7 == 6 else sys.stdout)
    time.sleep({pause})
"""
    said = [f"{key} {i} {'x' * (i % 40)}\n" for i in range(count)]
    stdout = "".join(line for i, line in enumerate(said) if i % 7 != 6)
    stderr = "".join(line for i, line in enumerate(said) if i % 7 == 6)
    return Job(key, "lines", _code(key, code), stdout=stdout, stderr=stderr)


def _flood(key: str, dice: random.Random) -> Job:
    """Many messages at once."""
    count = dice.randint(200, MOST_AT_ONCE)
    code = f"""
for i in range({count}):
    print(KEY, i, flush=True)
"""
    return Job(key, "flood", _code(key, code), stdout=_numbered(key, count))


def _large(key: str, dice: random.Random) -> Job:
    """Lines of up to a hundred thousand characters, not all of them ASCII."""
    count, size, pause = dice.randint(3, 12), dice.randint(2_000, 50_000), dice.choice([0.0, 0.1])
    code = f"""
for i in range({count}):
    print(KEY, i, "ü" * ({size} + i))
    time.sleep({pause})
"""
    stdout = "".join(f"{key} {i} {'ü' * (size + i)}\n" for i in range(count))
    return Job(key, "large", _code(key, code), stdout=stdout)


def _pictures(key: str, dice: random.Random) -> Job:
    """Pictures of a few kilobytes, with a line between them."""
    count, pause = dice.randint(1, 6), dice.choice([0.0, 0.05, 0.2])
    sides = tuple(dice.randint(30, 90) for _ in range(count))
    code = f"""
{_PNG}
from IPython.display import display
for i, side in enumerate({sides!r}):
    print(KEY, i)
    data = base64.b64encode(png(KEY + str(i), side)).decode()
    display({{"image/png": data, "text/plain": KEY}}, raw=True)
    time.sleep({pause})
"""
    pictures = tuple(base64.b64encode(png(f"{key}{i}", s)).decode() for i, s in enumerate(sides))
    return Job(key, "pictures", _code(key, code), stdout=_numbered(key, count), pictures=pictures)


def _sleep(key: str, dice: random.Random) -> Job:
    code = f"print(KEY, 0, flush=True)\ntime.sleep({dice.uniform(0.3, 2.5):.2f})\nprint(KEY, 1)"
    return Job(key, "sleep", _code(key, code), stdout=_numbered(key, 2))


def _compute(key: str, dice: random.Random) -> Job:
    rounds = dice.randint(10_000, 120_000)
    code = f"""
value = KEY.encode()
for _ in range({rounds}):
    value = hashlib.sha256(value).digest()
print(KEY, value.hex())
"""
    value = key.encode()
    for _ in range(rounds):
        value = hashlib.sha256(value).digest()
    return Job(key, "compute", _code(key, code), stdout=f"{key} {value.hex()}\n")


def _raise(key: str, dice: random.Random) -> Job:
    count = dice.randint(0, 20)
    code = f"for i in range({count}):\n    print(KEY, i)\nraise ValueError(KEY)"
    return Job(key, "raise", _code(key, code), "failed", stdout=_numbered(key, count))


def _numbered(key: str, count: int) -> str:
    return "".join(f"{key} {i}\n" for i in range(count))


def _code(key: str, rest: str) -> str:
    return _PRELUDE.format(key=key, runs=RUNS) + rest


_KINDS: dict[str, tuple[Callable[[str, random.Random], Job], int]] = {
    "lines": (_lines, 8),
    "flood": (_flood, 1),
    "large": (_large, 2),
    "pictures": (_pictures, 3),
    "sleep": (_sleep, 3),
    "compute": (_compute, 2),
    "raise": (_raise, 2),
}
