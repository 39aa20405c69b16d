"""When a kernel is forked ahead of being asked for, and when none is."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from kernelyard.agent.logs import Log
from kernelyard.agent.places import runtime_path
from kernelyard.agent.spawner.spawner import ZygoteReport
from kernelyard.agent.zygote.forethought import FIRST_REST, Forethought
from kernelyard.agent.zygote.zygote import Zygote

from tests.support.scripted_groups import ScriptedGroups
from tests.support.scripted_spawner import ScriptedSpawner

READY = ZygoteReport(name="z", state="ready", pid=1)


class House:
    """A zygote that is ready, and who thinks ahead for it."""

    def __init__(self, path: Path) -> None:
        self.spawner = ScriptedSpawner()
        self.groups = ScriptedGroups()
        self.ahead = Forethought(path, path, self.spawner, self.groups, Log())
        self.zygote = Zygote("z", state="ready")
        self.spawner.zygotes["z"] = READY
        self.spawner.on_zygote = lambda report: self.ahead.take_report(self.zygote, report)

    async def begin(self) -> str:
        """Have one forked ahead; return its token."""
        self.ahead.begin(self.zygote)
        assert self.ahead.take(self.zygote, str(uuid4())) == "", "it does not wait yet"
        await asyncio.sleep(0)
        return self.spawner.ahead[-1].token


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    yield House(tmp_path)
    shutil.rmtree(runtime_path(tmp_path), ignore_errors=True)


async def test_the_one_that_waits_is_given_once_with_its_group(house: House) -> None:
    token = await house.begin()
    kernel = str(uuid4())
    assert house.ahead.take(house.zygote, kernel) == token
    assert house.groups.given == {kernel: token}
    assert house.ahead.take(house.zygote, str(uuid4())) == ""
    house.ahead.tidy(house.zygote)
    assert house.groups.open == [token], "it is the kernel's now"


async def test_there_is_one_at_a_time(house: House) -> None:
    await house.begin()
    house.ahead.begin(house.zygote)
    assert len(house.spawner.ahead) == 1


async def test_a_kernel_that_cannot_have_the_group_leaves_it_to_another(house: House) -> None:
    token = await house.begin()
    house.groups.refuses = True
    assert house.ahead.take(house.zygote, str(uuid4())) == ""
    house.groups.refuses = False
    assert house.ahead.take(house.zygote, str(uuid4())) == token


async def test_what_is_not_wanted_leaves_no_group_behind(house: House) -> None:
    await house.begin()
    house.groups.busy = True
    await house.ahead.leave([house.zygote])
    assert house.spawner.forgotten == ["z"]
    assert house.groups.open
    house.groups.busy = False
    house.ahead.tidy(house.zygote)
    assert not house.groups.open


async def test_after_one_that_ended_in_vain_the_next_waits_a_while(house: House) -> None:
    await house.begin()
    house.spawner.tell(READY)
    house.ahead.tidy(house.zygote)
    assert not house.groups.open
    house.ahead.begin(house.zygote)
    assert len(house.spawner.ahead) == 1
    assert 0 < house.zygote.think_again - time.monotonic() <= FIRST_REST
    house.zygote.think_again = time.monotonic()
    await house.begin()
    assert len(house.spawner.ahead) == 2


async def test_a_zygote_that_has_gone_takes_it_along(house: House) -> None:
    await house.begin()
    house.zygote.is_stale("its environment has changed")
    assert house.ahead.take(house.zygote, str(uuid4())) == ""
    house.ahead.begin(house.zygote)
    house.ahead.tidy(house.zygote)
    assert len(house.spawner.ahead) == 1
    assert not house.groups.open
