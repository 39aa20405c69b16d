"""Which zygotes there are at a time: when they are started, replaced and ended."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kernelyard.agent.logs import Log
from kernelyard.agent.places import runtime_path
from kernelyard.agent.spawner.spawner import Job, NoZygote, ZygoteReport
from kernelyard.agent.zygote.forethought import Forethought
from kernelyard.agent.zygote.keeper import Asked, Keeper, ZygoteSettings
from kernelyard.agent.zygote.keys import Recipe, Unfit, Wanted, wanted_for
from kernelyard.agent.zygote.lately import Lately
from kernelyard.agent.zygote.nursery import Nursery
from kernelyard.agent.zygote.tending import Tending
from kernelyard.agent.zygote.zygote import Zygote
from kernelyard.model.images import FoundImage
from kernelyard.model.kernels import LaunchOrder
from kernelyard.wire.link import ImageList

from tests.support.agent_process import wait_until
from tests.support.scripted_groups import ScriptedGroups
from tests.support.scripted_spawner import ScriptedSpawner

FILE = Path("/data/connection-1.json")
ARGV = ["/env/bin/python", "-m", "ipykernel_launcher", "-f", str(FILE)]
ENV = {"PATH": "/usr/bin"}
SETTINGS = ZygoteSettings(most=2, boot_seconds=0.5, ahead=0)


class House:
    """A keeper and who tends its zygotes, with a scripted spawner and memory as a test wants it."""

    def __init__(self, home: Path, settings: ZygoteSettings = SETTINGS) -> None:
        log = Log()
        self.spawner = ScriptedSpawner()
        self.short = ""
        self.own: Recipe | None = None
        self.groups = ScriptedGroups()
        thinks = Forethought(home, home, self.spawner, self.groups, log) if settings.ahead else None
        self.keeper = Keeper(self.spawner, settings, Lately(home / "lately.json", log), log, thinks)
        nursery = Nursery(home, self.spawner, settings.boot_seconds, log)

        async def prepare(recipe: Recipe) -> Wanted:
            if recipe.image == "gone":
                raise Unfit("it is not there any more")
            env = env_of(recipe.image)
            return wanted_for(order_of(recipe.image), ARGV, FILE, env, env)

        async def own() -> Recipe | None:
            return self.own

        self.tending = Tending(
            self.keeper,
            nursery,
            self.spawner,
            log,
            short=lambda: self.short,
            prepare=prepare,
            own=own,
        )

        def take_report(report: ZygoteReport) -> None:
            self.keeper.take_report_ahead(report)
            if not nursery.take_report(report):
                self.keeper.take_report(report)

        self.spawner.on_zygote = take_report

    def ask(self, image: str = "python3", **settings: str) -> Zygote | str:
        env = env_of(image)
        return self.keeper.choose(
            Asked(
                order=order_of(image),
                argv=ARGV,
                connection_file=FILE,
                image_env=env,
                kernel_env={**env, **settings},
            )
        )

    async def settled(self) -> None:
        """Let what is wanted be started, until nothing more is."""
        for _ in range(4):
            await self.tending.tend()
            await wait_until(lambda: not self.tending.booting)

    async def ready(self, image: str = "python3", **settings: str) -> Zygote:
        self.ask(image, **settings)
        await self.settled()
        found = self.ask(image, **settings)
        assert isinstance(found, Zygote), found
        return found

    @property
    def zygotes(self) -> list[Zygote]:
        return list(self.keeper.zygotes.values())

    def start_of(self, image: str, language: str = "python") -> tuple[str, str]:
        """How it is told that a kernel of an image starts."""
        found = FoundImage(provider="kernelspec", name=image, display_name=image, language=language)
        (told,) = self.keeper.overlaid(ImageList([found])).images
        return told.start, told.start_reason


def order_of(image: str) -> LaunchOrder:
    return LaunchOrder(kernel_id="k", attempt=1, provider="kernelspec", image=image)


def env_of(image: str) -> dict[str, str]:
    return {**ENV, "VIRTUAL_ENV": f"/env/{image}"}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "zygotes"
    shutil.rmtree(runtime_path(tmp_path / "zygotes"), ignore_errors=True)


@pytest.fixture
def house(home: Path) -> House:
    return House(home)


async def test_the_first_kernel_does_not_wait_and_the_second_is_forked(house: House) -> None:
    assert house.start_of("python3")[0] == "exec"
    assert house.ask() == "it is being prepared"
    await house.settled()
    assert isinstance(house.ask(), Zygote)
    assert house.start_of("python3") == ("fork", "")
    assert len(house.spawner.started) == 1


async def test_settings_that_no_kernel_had_before_are_not_prepared_for(house: House) -> None:
    assert "settings" in str(house.ask(PYTHONPATH="/a"))
    await house.settled()
    assert house.spawner.started == []
    house.ask(PYTHONPATH="/a")
    await house.settled()
    assert isinstance(house.ask(PYTHONPATH="/a"), Zygote)
    assert not isinstance(house.ask(), Zygote)


async def test_none_boots_while_a_kernel_is_started(house: House) -> None:
    with house.keeper.launching():
        house.ask()
        await house.tending.tend()
        for _ in range(100):
            await asyncio.sleep(0)
        assert house.spawner.started == []
    await wait_until(lambda: bool(house.spawner.started))


async def test_one_that_is_unfit_is_not_tried_again_at_once_and_says_why(house: House) -> None:
    house.spawner.boot = lambda job: house.spawner.unfit(job, "2 threads after preload of numpy")
    house.ask()
    await house.settled()
    assert house.ask() == "2 threads after preload of numpy"
    assert house.start_of("python3") == ("exec", "2 threads after preload of numpy")
    await house.settled()
    assert len(house.spawner.started) == 1
    (zygote,) = house.zygotes
    zygote.retry = 0
    house.spawner.boot = house.spawner.ready
    await house.settled()
    assert isinstance(house.ask(), Zygote)


async def test_one_that_does_not_get_ready_is_ended(house: House) -> None:
    house.spawner.boot = lambda _: None
    house.ask()
    await house.settled()
    assert house.ask() == "it was not ready within 0.5 s"
    assert house.spawner.ended == [house.zygotes[0].name]
    assert house.spawner.there == set()


async def test_one_that_is_killed_is_replaced(house: House) -> None:
    zygote = await house.ready()
    house.spawner.die(zygote.name)
    assert house.ask() == "it was ended by SIGKILL"
    await house.settled()
    assert isinstance(house.ask(), Zygote)
    house.spawner.die(zygote.name)
    await house.settled()
    assert house.ask() == "it was ended by SIGKILL"
    assert len(house.spawner.started) == 2


async def test_one_whose_environment_has_changed_is_replaced(house: House, tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("x = 1")
    before = file.stat().st_mtime - 100
    os.utime(file, (before, before))
    house.spawner.files = (str(file),)
    zygote = await house.ready()
    pid = zygote.pid
    file.write_text("x = 22")
    os.utime(file, (before - 100, before - 100))
    assert "mine.py" in str(house.ask())
    await house.settled()
    again = house.ask()
    assert isinstance(again, Zygote)
    assert again.pid != pid
    assert house.spawner.ended == [zygote.name]


async def test_one_that_is_old_is_replaced(home: Path) -> None:
    house = House(home, replace(SETTINGS, age_seconds=3600))
    zygote = await house.ready()
    pid = zygote.pid
    assert zygote.ready_at is not None
    zygote.ready_at -= 3601 * 1_000_000
    await house.settled()
    assert zygote.state == "ready"
    assert zygote.pid != pid


async def test_there_are_no_more_than_may_be(house: House) -> None:
    first, second = await house.ready("a"), await house.ready("b")
    house.ask("c")
    await house.settled()
    assert house.ask("c") == "as many others as may be are in use"
    first.used -= 3600
    await house.settled()
    assert isinstance(house.ask("c"), Zygote)
    assert isinstance(house.ask("b"), Zygote)
    assert second.state == "ready"
    assert house.spawner.there == {second.name, house.zygotes[2].name}


async def test_they_are_ended_when_memory_is_short_and_none_is_started(house: House) -> None:
    first, second = await house.ready("a"), await house.ready("b")
    house.short = "3 MB are free"
    await house.tending.tend()
    assert (first.state, second.state) == ("waiting", "ready")
    await house.tending.tend()
    assert house.spawner.there == set()
    assert "3 MB are free" in str(house.ask("a"))
    assert house.keeper.facts().pressure == "3 MB are free"
    house.short = ""
    first.retry = second.retry = 0
    await house.settled()
    assert isinstance(house.ask("a"), Zygote)


FORK_ENDS: list[tuple[Exception, type[object]]] = [
    (NoZygote("it stands still", blame=True), str),
    (NoZygote("the kernel has no memory"), Zygote),
    (OSError(12, "Cannot allocate memory"), Zygote),
]


@pytest.mark.parametrize(("problem", "left"), FORK_ENDS, ids=["no zygote", "no room", "no memory"])
async def test_a_fork_that_fails_is_no_kernel(
    house: House, problem: Exception, left: type[object]
) -> None:
    zygote = await house.ready()
    house.spawner.fork_problem = problem
    job = Job(argv=[], env={}, cwd=Path("/"), log=FILE, exit_file=FILE)
    assert await house.keeper.fork(zygote, job, FILE) is None
    assert isinstance(house.ask(), left)
    assert house.keeper.facts().failed == 1


async def test_a_later_agent_uses_what_an_earlier_one_has_left(house: House, home: Path) -> None:
    zygote = await house.ready()
    later = House(home)
    later.spawner.zygotes = dict(house.spawner.zygotes)
    later.spawner.there = set(house.spawner.there)
    await later.tending.find()
    found = later.ask()
    assert isinstance(found, Zygote)
    assert found.pid == zygote.pid
    assert later.start_of("python3") == ("fork", "")


async def test_what_an_agent_of_another_version_has_left_is_ended(house: House, home: Path) -> None:
    zygote = await house.ready()
    file = home / f"{zygote.name}.json"
    kept = json.loads(file.read_text())
    file.write_text(json.dumps({**kept, "code": "of another version"}))
    later = House(home)
    later.spawner.zygotes = dict(house.spawner.zygotes)
    later.spawner.there = set(house.spawner.there)
    await later.tending.find()
    assert later.spawner.ended == [zygote.name]


async def test_one_whose_environment_changes_all_the_time_rests(
    house: House, tmp_path: Path
) -> None:
    file = tmp_path / "mine.py"
    file.write_text("x = 1")
    house.spawner.files = (str(file),)
    for number in range(3):
        hour = file.stat().st_mtime - 3600
        os.utime(file, (hour, hour))
        assert isinstance(await house.ready(), Zygote)
        os.utime(file, (hour - 60 - number, hour - 60 - number))
        assert "mine.py" in str(house.ask())
    await house.settled()
    assert "mine.py" in str(house.ask())
    assert len(house.spawner.started) == 3


async def test_choosing_writes_nothing_and_tending_does(house: House, home: Path) -> None:
    house.ask()
    assert not (home / "lately.json").exists()
    await house.settled()
    assert (home / "lately.json").exists()


async def test_a_later_agent_ends_what_it_knows_nothing_of(house: House, home: Path) -> None:
    zygote = await house.ready()
    later = House(home)
    later.spawner.zygotes = dict(house.spawner.zygotes)
    later.spawner.there = set(house.spawner.there)
    (home / f"{zygote.name}.json").unlink()
    await later.tending.find()
    assert later.spawner.ended == [zygote.name]
    assert not isinstance(later.ask(), Zygote)


async def run_until_started(house: House, zygotes: int) -> None:
    """Let the tending run until so many zygotes have been started."""
    running = asyncio.create_task(house.tending.run())
    try:
        await wait_until(lambda: len(house.spawner.started) == zygotes)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_new_agent_prepares_for_what_was_used_of_late_and_for_its_own(
    home: Path,
) -> None:
    earlier = House(home)
    earlier.ask("gone")
    earlier.ask("a")
    earlier.keeper.lately.keep()
    house = House(home, replace(SETTINGS, most=4))
    house.own = Recipe("kernelspec", "mine")
    await run_until_started(house, 2)
    images = {name for one in house.zygotes for name in one.images}
    assert images == {"kernelspec/a", "kernelspec/mine"}
    assert [one.image for one in house.keeper.lately.recipes] == ["a"]


async def test_where_zygotes_are_off_those_that_were_left_are_ended(house: House) -> None:
    zygote = await house.ready()
    house.keeper.settings = replace(SETTINGS, most=0)
    assert house.ask() == "zygotes are off"
    assert house.start_of("python3") == ("exec", "zygotes are off")
    await house.tending.run()
    assert house.spawner.ended == [zygote.name]


async def test_what_is_not_python_says_so(house: House) -> None:
    assert house.start_of("ir", "R") == ("exec", "not Python")


async def test_for_want_of_memory_what_is_forked_ahead_goes_before_its_zygote(home: Path) -> None:
    house = House(home, ZygoteSettings(most=2, boot_seconds=0.5, ahead=1))
    zygote = await house.ready()
    await house.settled()
    assert zygote.ahead is not None
    house.short = "there is none"
    await house.tending.tend()
    assert zygote.ahead is None
    assert zygote.state == "ready"
    await house.tending.tend()
    assert zygote.state != "ready"
    await house.settled()
    assert not house.groups.open
    assert len(house.spawner.ahead) == 1
    house.short = ""


async def test_none_is_forked_ahead_while_a_kernel_is_started(home: Path) -> None:
    house = House(home, ZygoteSettings(most=2, boot_seconds=0.5, ahead=1))
    zygote = await house.ready()
    with house.keeper.launching():
        house.keeper.take_ahead(zygote, "k")
        await house.tending.tend()
        assert zygote.ahead is None
