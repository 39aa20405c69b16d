"""Control groups that agents have left behind which were killed.

An agent clears up in its own group, when it ends or begins anew; one that was killed, and whose data directory is not
used again, leaves its group for ever. So each agent looks now and then at what lies beside its own, of the same user and
named in the same way. What was not touched for some minutes, and has no processes and no groups in it, is removed,
whoever's it is: an agent that still wants it makes it anew (``Groups.make``, ``Enclosures.make``). Groups of kernels are
removed if they are empty, their agent is dead, and its data directory gone or not used for a day: until then a later
agent may want to read there how a kernel ended. The system refuses to remove what has a process in it.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from kernelyard.agent.cgroups import remove_group
from kernelyard.providers.process_identity import start_time_of

_WHOSE = "user.kernelyard.agent"
"""The attribute of a group: process id and start of the agent that it is of, and its data directory."""
_NAME = re.compile(r"kernelyard-(\d+)-[0-9a-f]{12}")
FIRST_LOOK_SECONDS = 5.0
"""Not before: kernels may be starting."""
PAUSE_SECONDS = 0.02
"""Between two: to remove one, the system holds up whoever makes one."""
AGE_SECONDS = 600.0
"""What was made or changed since then is left alone; so long it is, too, until the next look."""
_DAY = 24 * 60 * 60


def mark(place: Path, data_dir: Path) -> None:
    """Let a group say which agent it is of, where groups can say such things."""
    pid = os.getpid()
    told = b"%d %d %s" % (pid, start_time_of(pid) or 0, os.fsencode(data_dir.resolve()))
    try:
        os.setxattr(place, _WHOSE, told)
    except OSError:
        return


async def clear_up(
    parents: Iterable[Path], first: float = FIRST_LOOK_SECONDS, age: float = AGE_SECONDS
) -> None:
    """Remove what other agents have left beside these groups, again and again. Ends when it is cancelled."""
    known = list(dict.fromkeys(parents))
    await asyncio.sleep(first)
    while True:
        for place in list(left(known, time.time() - age)):
            remove_group(place)
            await asyncio.sleep(PAUSE_SECONDS)
        await asyncio.sleep(age)


def left(known: list[Path], before: float) -> Iterator[Path]:
    """Groups that may be removed if nothing is in them, and that are as they were ``before``, in seconds since 1970.

    Those of kernels come before those that hold them.
    """
    # Only groups of version 2 say whose they are, and one agent's have one name everywhere.
    abandoned = {place.name for parent in known for place in _others(parent) if _abandoned(place)}
    for parent in known:
        for place in _others(parent):
            if place.name in abandoned:
                yield from (one for one in _within(place) if _is_older(one, before))
    # What says whose the others are goes last.
    for parent in sorted(known, key=_is_unified):
        yield from (one for one in _others(parent) if _is_older(one, before))


def _is_unified(parent: Path) -> bool:
    return (parent.parent / "cgroup.controllers").exists()


def _is_older(place: Path, before: float) -> bool:
    try:
        return place.stat().st_ctime < before
    except OSError:
        return False


def _others(parent: Path) -> list[Path]:
    """Groups of other agents of this user beside ours."""
    own = os.geteuid()
    found = []
    for place in _within(parent.parent):
        matched = _NAME.fullmatch(place.name)
        if matched is None or place.name == parent.name or int(matched[1]) != own:
            continue
        try:
            if place.stat().st_uid == own:
                found.append(place)
        except OSError:
            continue
    return found


def _within(place: Path) -> list[Path]:
    try:
        return [one for one in place.iterdir() if one.is_dir()]
    except OSError:
        return []


def _abandoned(place: Path) -> bool:
    """Whether nobody will look there any more: its agent is dead, and so is what it has worked on."""
    try:
        pid, start, data_dir = os.getxattr(place, _WHOSE).split(b" ", 2)
        if start_time_of(int(pid)) == int(start):
            return False
        return Path(os.fsdecode(data_dir)).stat().st_mtime < time.time() - _DAY
    except FileNotFoundError:
        return place.is_dir()
    except (OSError, ValueError):
        return False
