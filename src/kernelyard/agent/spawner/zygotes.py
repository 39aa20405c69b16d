"""What the agent asks of a spawner about zygotes, and hears of them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

ZYGOTE_PROGRAM = Path(__file__).parents[1] / "zygote" / "program.py"
"""What a kernel's interpreter runs to become a zygote."""
PADDING_OF_LINE = 1024
PADDING_OF_ENVIRONMENT = 8192
FORK_SECONDS = 5.0
"""Within so long a kernel is forked, or will not be."""
ZygoteState = Literal["booting", "ready", "unfit", "ended"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """What a process is held by from the first, as far as the system lets it: all that it starts, too."""

    groups: tuple[Path, ...] = ()
    """Directories of control groups."""
    limits: tuple[tuple[int, int, int], ...] = ()
    """Kind, soft and hard limit, for ``setrlimit``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is to be started, and where it leaves word how it ended."""

    argv: Sequence[str]
    env: Mapping[str, str] = field(repr=False)
    cwd: Path
    log: Path
    exit_file: Path
    hold: Hold = field(default_factory=Hold)


@dataclass(frozen=True, slots=True, kw_only=True)
class ZygoteJob:
    """What is to be started as a zygote."""

    name: str
    """By this the spawner knows it, and a later agent finds it."""
    job: Job
    """Its command line: interpreter, flags, ``ZYGOTE_PROGRAM``, what ipykernel is told but its file."""
    preload: tuple[str, ...] = ()
    """Modules that are imported before it forks, and are there in each of its kernels."""
    sources: Path = Path(os.devnull)
    """Into this file it writes from which files it has taken something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ZygoteReport:
    """What is known of a zygote."""

    name: str
    state: ZygoteState
    reason: str = ""
    """Why it cannot fork, or how it ended; a sentence for people."""
    pid: int | None = None
    start_time: int | None = None
    preload: tuple[str, ...] = ()
    modules: int = 0
    """How many are loaded in it, once it is ready."""
    booted_ms: int | None = None
    """How long it took until it was ready."""
    forked: int = 0
    """How many kernels have come of it."""
    ahead: str = ""
    """By this the kernel is known that it has forked ahead, if there is one."""
    ahead_pid: int | None = None
    """Its process, as soon as it waits for its job."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AheadJob:
    """What a kernel needs before it is known which it is to be."""

    zygote: str
    token: str
    groups: tuple[Path, ...] = ()
    """The control group in which it is made, and stays."""
    sockets: str
    """The path with which the names of its sockets begin until then."""
    log: Path
    """What it prints to until then."""
    lower: int = 0
    """By how much its priority is lower than ours until it waits."""


def with_padding(job: Job) -> Job:
    """Give a zygote space in which its kernels write what the table of processes is to show of them."""
    line = f"--kernelyard-padding={'.' * PADDING_OF_LINE}"
    env = {**job.env, "KERNELYARD_ZYGOTE_PADDING": "." * PADDING_OF_ENVIRONMENT}
    return replace(job, argv=[*job.argv, line], env=env)


class NoZygote(Exception):
    """No kernel can be forked: there is no such zygote, it is not ready, or it ended meanwhile."""

    def __init__(self, reason: str, *, blame: bool = False) -> None:
        """``blame`` says whether the zygote cannot be used, rather than this one kernel not be forked."""
        super().__init__(reason)
        self.reason = reason
        self.blame = blame
