"""What answers about zygotes look like: every field, with its meaning."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from kernelyard.doors.native.shapes import Cursor, Time
from kernelyard.doors.native.translate import time_text
from kernelyard.model.quantities import Micros
from kernelyard.wire.zygotes import ZygoteFact, ZygoteState
from kernelyard.wire.zygotes import ZygoteList as Told


class Zygote(TypedDict):
    """A process from which kernels are forked, or one that could not be had."""

    name: Annotated[str, Field(description="Stays the same when the process is replaced.")]
    images: Annotated[list[str], Field(description="Images that it serves, as `provider/name`.")]
    preload: Annotated[list[str], Field(description="Modules of templates that it has imported.")]
    shared: Annotated[bool, Field(description="Whether kernels of all users are forked from it.")]
    user: Annotated[str | None, Field(description="Else the one user whose kernels are.")]
    state: ZygoteState
    reason: Annotated[str | None, Field(description="Why no kernel is forked from it now.")]
    pid: int | None
    started_at: Time | None
    ready_at: Time | None
    used_at: Annotated[Time | None, Field(description="When a kernel was forked from it last.")]
    forks: int
    failures: Annotated[int, Field(description="Forks, and starts of its own, that failed.")]
    modules: Annotated[int, Field(description="How many modules it has imported.")]
    pss_bytes: Annotated[
        int | None, Field(description="Its memory, without what it shares with its kernels.")
    ]
    ahead_pid: Annotated[
        int | None,
        Field(description="The kernel that it has forked before anybody asks, if it waits."),
    ]
    ahead_pss_bytes: Annotated[
        int | None, Field(description="Memory of that, without what it shares with others.")
    ]


class ZygoteList(TypedDict):
    """Every zygote, and what the agent has started so far."""

    items: list[Zygote]
    next_cursor: Cursor
    most: Annotated[int, Field(description="How many there may be; 0: no kernel is forked.")]
    forked: Annotated[int, Field(description="Kernels that this agent has forked.")]
    executed: Annotated[int, Field(description="Kernels that it has started as new programs.")]
    failed: Annotated[int, Field(description="Forks that failed; a new program was started.")]
    pressure: Annotated[
        str | None, Field(description="Why none is started now, if it is for want of memory.")
    ]


def zygotes(told: Told) -> ZygoteList:
    """All zygotes."""
    return {
        "items": [_zygote(one) for one in told.zygotes],
        "next_cursor": None,
        "most": told.most,
        "forked": told.forked,
        "executed": told.executed,
        "failed": told.failed,
        "pressure": told.pressure or None,
    }


def _zygote(one: ZygoteFact) -> Zygote:
    return {
        "name": one.name,
        "images": one.images,
        "preload": one.preload,
        "shared": not one.trust,
        "user": one.trust or None,
        "state": one.state,
        "reason": one.reason or None,
        "pid": one.pid,
        "started_at": _time(one.started_at),
        "ready_at": _time(one.ready_at),
        "used_at": _time(one.used_at),
        "forks": one.forks,
        "failures": one.failures,
        "modules": one.modules,
        "pss_bytes": one.pss_bytes,
        "ahead_pid": one.ahead_pid,
        "ahead_pss_bytes": one.ahead_pss_bytes,
    }


def _time(at: Micros | None) -> str | None:
    return None if at is None else time_text(at)


ZYGOTES: ZygoteList = {
    "items": [
        {
            "name": "5f2c9a0d7e41b3865f2c9a0d7e41b386",
            "images": ["kernelspec/python3"],
            "preload": ["numpy", "pandas"],
            "shared": False,
            "user": "ada",
            "state": "ready",
            "reason": None,
            "pid": 4711,
            "started_at": "2026-03-01T09:00:00.000000Z",
            "ready_at": "2026-03-01T09:00:01.250000Z",
            "used_at": "2026-03-01T09:05:00.000000Z",
            "forks": 12,
            "failures": 0,
            "modules": 1480,
            "pss_bytes": 61_865_984,
            "ahead_pid": 4720,
            "ahead_pss_bytes": 16_252_928,
        }
    ],
    "next_cursor": None,
    "most": 4,
    "forked": 12,
    "executed": 1,
    "failed": 0,
    "pressure": None,
}
