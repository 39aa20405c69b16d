"""How long a kernel may live: idle is a judgement, a warning comes first, and nothing busy is ended."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from kernelyard.agent.belongings import ProcessTable
from kernelyard.agent.journal import Journal, wall_clock
from kernelyard.agent.lifetime import FOUND_SECONDS, Lifetime
from kernelyard.model.kernels import LaunchOrder
from kernelyard.model.projection import body_of
from kernelyard.model.records import EndCause, Record, RecordKind
from kernelyard.wire import journal as wire
from kernelyard.wire import link

from tests.support.agent_process import AgentProcess, end_of, last_body, of_kind, says

SECOND = 1_000_000


class Tasks:
    """A queue that a test fills and empties."""

    def __init__(self) -> None:
        self.quiet = True
        self.active_at = asyncio.get_running_loop().time()


class Worker(ProcessTable):
    """A table of processes in which one uses as much of the processor as a test says."""

    def __init__(self) -> None:
        super().__init__()
        self.share = 0.0
        self._begun = asyncio.get_running_loop().time()

    def processor_seconds(self, kernel_id: str) -> dict[int, float]:
        return {1: (asyncio.get_running_loop().time() - self._begun) * self.share}


class Scene:
    """One lifetime with its surroundings."""

    def __init__(self, path: Path, **order: object) -> None:
        fields = {"kernel_id": "k", "attempt": 1, "provider": "p", "image": "i", **order}
        self.path = path / "journal"
        self.journal = Journal(self.path)
        self.tasks = Tasks()
        self.table = Worker()
        self.ended: asyncio.Future[tuple[str, EndCause]] = asyncio.Future()
        self.ended_at = 0.0
        self.lifetime = Lifetime(
            LaunchOrder(**fields), self.tasks, self.journal, self.table, self._end
        )

    def records(self, kind: RecordKind) -> list[Record]:
        return [one for one in wire.split(self.path.read_bytes())[0] if one.kind is kind]

    async def end(self) -> tuple[str, EndCause]:
        """Wait until it is ended."""
        async with asyncio.timeout(20):
            return await self.ended

    async def lives_for(self, seconds: float) -> bool:
        """Whether it is not ended within some time."""
        done, _ = await asyncio.wait([self.ended], timeout=seconds)
        return not done

    def _end(self, reason: str, cause: EndCause) -> None:
        self.ended_at = asyncio.get_running_loop().time()
        self.lifetime.cancel()
        self.ended.set_result((reason, cause))


async def test_an_idle_kernel_is_ended_after_a_warning(tmp_path: Path) -> None:
    scene = Scene(tmp_path, max_idle_seconds=0.5)
    scene.lifetime.look()
    reason, cause = await scene.end()
    assert (reason, cause) == ("idle for 0.5s, the limit of its template", EndCause.IDLE)
    (warning,) = scene.records(RecordKind.KERNEL_ENDING_SOON)
    told = body_of(warning)
    assert told["cause"] == "idle"
    assert "soon" in str(told["reason"])
    assert 0 < int(told["at"]) - warning.at <= 0.5 * SECOND
    assert scene.records(RecordKind.KERNEL_ACTIVE) == []


async def test_one_that_runs_something_is_not_however_silent(tmp_path: Path) -> None:
    scene = Scene(tmp_path, max_idle_seconds=0.2)
    scene.tasks.quiet = False
    scene.lifetime.look()
    assert await scene.lives_for(0.8)
    scene.tasks.quiet, scene.tasks.active_at = True, asyncio.get_running_loop().time()
    assert (await scene.end())[1] is EndCause.IDLE


async def test_one_whose_processes_work_is_not_and_its_journal_says_why(tmp_path: Path) -> None:
    scene = Scene(tmp_path, max_idle_seconds=0.4)
    scene.table.share = 0.5
    scene.lifetime.look()
    assert await scene.lives_for(1.6)
    noted = scene.records(RecordKind.KERNEL_ACTIVE)
    assert body_of(noted[0])["because"] == "a process of it uses the processor"
    assert len(noted) <= 5
    scene.lifetime.cancel()


@pytest.mark.parametrize("keeps", [True, False])
async def test_an_attached_client_keeps_it_unless_its_template_says_otherwise(
    tmp_path: Path, keeps: bool
) -> None:
    scene = Scene(tmp_path, max_idle_seconds=0.3, attached_keeps_alive=keeps)
    scene.lifetime.attach(1.2)
    scene.lifetime.look()
    assert await scene.lives_for(0.9) is keeps
    await scene.end()
    told = [body_of(one)["because"] for one in scene.records(RecordKind.KERNEL_ACTIVE)]
    assert ("a client is attached" in told) is keeps


async def test_a_life_is_counted_from_the_first_launch(tmp_path: Path) -> None:
    scene = Scene(tmp_path, max_life_seconds=1.0)
    scene.tasks.quiet = False
    scene.lifetime.launched(wall_clock() - int(0.6 * SECOND))
    scene.lifetime.launched(wall_clock())
    assert await scene.end() == (
        "it has lived for 1s, the limit of its template",
        EndCause.LIFE_LIMIT,
    )
    (warning,) = scene.records(RecordKind.KERNEL_ENDING_SOON)
    assert body_of(warning)["cause"] == "life_limit"


async def test_without_limits_nothing_is_ever_due(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.lifetime.launched(0)
    scene.lifetime.look()
    assert await scene.lives_for(0.3)


async def test_one_that_was_found_again_is_not_ended_for_what_nobody_could_know(
    tmp_path: Path,
) -> None:
    scene = Scene(tmp_path, max_idle_seconds=1.0)
    scene.tasks.active_at -= 100.0
    scene.table.share = 0.5
    scene.lifetime.found_again()
    scene.lifetime.look()
    assert await scene.lives_for(2.0)
    assert scene.records(RecordKind.KERNEL_ACTIVE)
    scene.lifetime.cancel()


async def test_one_that_is_idle_indeed_is_ended_soon_after_it_was_found(tmp_path: Path) -> None:
    scene = Scene(tmp_path, max_idle_seconds=1.0)
    scene.tasks.active_at -= 100.0
    scene.lifetime.found_again()
    begun = asyncio.get_running_loop().time()
    scene.lifetime.look()
    assert (await scene.end())[1] is EndCause.IDLE
    assert scene.ended_at - begun >= FOUND_SECONDS


CHILD = """
import subprocess, sys
subprocess.Popen([sys.executable, '-c', 'while True: pass'], start_new_session={apart})
"""


@pytest.mark.parametrize("apart", [True, False])
async def test_a_real_child_that_computes_keeps_its_kernel_and_dies_with_it(
    agent: AgentProcess, apart: bool
) -> None:
    kernel = await agent.launch(max_idle_seconds=2.0)
    await agent.submit(kernel, CHILD.format(apart=apart))
    records = await agent.records(kernel, until=of_kind(RecordKind.KERNEL_ACTIVE))
    (noted,) = [one for one in records if one.kind is RecordKind.KERNEL_ACTIVE]
    assert body_of(noted)["because"] == "a process of it uses the processor"
    table = ProcessTable()
    left = table.processes_of(kernel, fresh=True)
    assert len(left) == 2
    await agent.done(link.Stop(kernel, "enough"))
    records = await agent.records(kernel)
    assert last_body(records)["cause"] == "asked"
    assert table.processes_of(kernel, fresh=True) == set()


async def test_a_kernel_that_is_ended_for_its_age_tells_its_running_task(
    agent: AgentProcess,
) -> None:
    kernel = await agent.launch(max_life_seconds=4.0)
    await agent.submit(kernel, "import time\nprint('begun', flush=True)\ntime.sleep(600)", "2")
    await agent.records(kernel, until=says("begun"))
    records = await agent.records(kernel)
    end = last_body(records)
    assert (end["cause"], end["reason"]) == (
        "life_limit",
        "it has lived for 4s, the limit of its template",
    )
    assert (end_of(records, 1)["state"], end_of(records, 1)["cause"]) == ("cancelled", "life_limit")
    assert end_of(records, 2)["stopped_by"] == "queue"


async def test_a_new_agent_counts_on_where_the_old_one_was(agent: AgentProcess) -> None:
    kernel = await agent.launch(max_idle_seconds=3.0, max_life_seconds=600.0)
    await agent.submit(kernel, "1")
    records = await agent.records(kernel, until=of_kind(RecordKind.ENDED))
    agent.kill()
    await agent.start()
    rest = await agent.records(kernel, after=records[-1].number)
    assert last_body(rest)["cause"] == "idle"
    assert last_body(rest)["reason"] == "idle for 3s, the limit of its template"


async def test_the_kernels_id_stands_in_its_environment(agent: AgentProcess) -> None:
    kernel = await agent.launch()
    await agent.submit(kernel, "import os\nprint(os.environ['KERNELYARD_KERNEL_ID'])")
    await agent.records(kernel, until=says(json.dumps(kernel).strip('"')))
