"""No two kernels of a zygote have anything open in common, nor with the zygote and the spawner, nor memory that is shared."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from pathlib import Path

import pytest

from tests.support.forked_kernels import ForkedKernel, Nest

pytestmark = pytest.mark.parametrize("nest", [False, True], ids=["asked", "ahead"], indirect=True)

_UNIQUE = re.compile(r"(?:socket|pipe):\[\d+\]")


def opened(pid: int) -> set[str]:
    """What a process has open that has a name of its own: sockets, pipes, events, and files that it writes to."""
    found = set()
    for one in Path(f"/proc/{pid}/fd").iterdir():
        try:
            place = str(one.readlink())
            told = Path(f"/proc/{pid}/fdinfo/{one.name}").read_text()
        except OSError:
            continue
        if _UNIQUE.fullmatch(place) or (place.startswith("/") and not place.startswith("/dev/")):
            found.add(place)
        if (event := re.search(r"eventfd-id:\s*(\d+)", told)) is not None:
            found.add(f"event {event[1]}")
    return found


def shared_memory(pid: int) -> list[str]:
    """Memory that a process could write to for others, too."""
    lines = Path(f"/proc/{pid}/maps").read_text().splitlines()
    return [line for line in lines if line.split()[1].startswith(("rw-s", "-w-s", "rwxs"))]


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


async def _several(nest: Nest) -> list[ForkedKernel]:
    if nest.ahead:
        return [await nest.kernel(number) for number in range(4)]
    return list(await asyncio.gather(*(nest.kernel(number) for number in range(4))))


async def test_each_has_its_own(nest: Nest) -> None:
    zygote = await nest.zygote("numpy")
    assert zygote.pid is not None
    kernels = await _several(nest)
    await asyncio.gather(
        *(
            one.run("import numpy; numpy.ones((300, 300)) @ numpy.ones((300, 300))")
            for one in kernels
        )
    )
    pids = [zygote.pid, int(_stat(zygote.pid)[1]), *(one.pid for one in kernels)]
    counted = Counter(place for pid in pids for place in opened(pid))
    assert [place for place, count in counted.items() if count > 1] == []
    for one in kernels:
        assert str(one.place / "log") in opened(one.pid)
        assert len(opened(one.pid)) > 10
        assert shared_memory(one.pid) == []


async def test_each_leads_a_session_without_a_terminal(nest: Nest) -> None:
    await nest.zygote()
    kernels = await _several(nest)
    told = []
    for one in kernels:
        await one.run("1")
        _, _, group, session, terminal = _stat(one.pid)[:5]
        assert (int(group), int(session), terminal) == (one.pid, one.pid, "0")
        told.append(session)
    assert len(set(told)) == len(kernels)


async def test_what_one_does_to_itself_is_nothing_to_others(nest: Nest) -> None:
    await nest.zygote()
    first, second = await nest.kernel(1), await nest.kernel(2)
    before = await second.value(STATE)
    said = await first.run(
        "import os, sys, signal, warnings, logging, gc, locale, resource, threading, random, builtins\n"
        "os.umask(0o77); os.chdir('/'); os.environ['MINE'] = '1'; sys.path.insert(0, '/mine')\n"
        "signal.signal(signal.SIGUSR2, lambda *_: None); signal.alarm(600)\n"
        "warnings.simplefilter('error'); logging.disable(50); logging.root.setLevel(1)\n"
        "gc.disable(); gc.unfreeze(); sys.setrecursionlimit(12345); builtins.mine = 1\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (99, 99)); os.nice(3)\n"
        "threading.Thread(target=threading.Event().wait, daemon=True, name='mine').start()\n"
        "random.seed(1); sys.modules['mine'] = sys\n"
    )
    assert said.content["status"] == "ok", said
    assert await second.value(STATE) == before
    third = await nest.kernel(3)
    assert await third.value(STATE) == [*before[:-1], str(third.place)]


STATE = """(lambda os, sys, signal, warnings, logging, gc, resource, threading, builtins: [
    os.environ.get("MINE"), "/mine" in sys.path, str(signal.getsignal(signal.SIGUSR2)),
    signal.getitimer(signal.ITIMER_REAL), len(warnings.filters), logging.root.manager.disable, logging.root.level,
    gc.isenabled(), gc.get_freeze_count() > 0, sys.getrecursionlimit(), hasattr(builtins, "mine"),
    resource.getrlimit(resource.RLIMIT_NOFILE), os.getpriority(os.PRIO_PROCESS, 0),
    sorted(one.name for one in threading.enumerate()), "mine" in sys.modules,
    [line for line in open("/proc/self/status") if line.startswith("Umask")], os.getcwd(),
])(*map(__import__, ["os", "sys", "signal", "warnings", "logging", "gc", "resource", "threading", "builtins"]))"""
