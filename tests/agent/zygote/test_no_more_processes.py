"""Where no process can be started any more, no agent and no zygote is lost, and a kernel says why it is none."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from kernelyard.agent.cgroups import MOUNTS, OWN, places
from kernelyard.model.records import RecordKind
from kernelyard.wire import link

from tests.support.agent_process import AgentProcess, of_kind
from tests.support.zygotes import is_forked, zygote_of

pytestmark = pytest.mark.journey


class Crowd:
    """Processes that may only be so many together."""

    def __init__(self, place: Path) -> None:
        self._place = place

    def take_in(self, *pids: int) -> None:
        for pid in pids:
            (self._place / "cgroup.procs").write_text(str(pid))

    def limit(self, more: int | None = None) -> None:
        """Let there be so many more than there are; by default as many as there may be."""
        now = int((self._place / "pids.current").read_text())
        (self._place / "pids.max").write_text("max" if more is None else str(now + more))

    def let_go(self) -> None:
        """Move all elsewhere, and be gone."""
        for pid in (self._place / "cgroup.procs").read_text().split():
            try:
                (self._place.parent / "cgroup.procs").write_text(pid)
            except ProcessLookupError:
                continue
        self._place.rmdir()


@pytest.fixture
def crowd() -> Iterator[Crowd]:
    """A control group for processes; the test is skipped where none can be made."""
    _, root = places(MOUNTS.read_text(), OWN.read_text()).get("pids", (0, Path("/nowhere")))
    place = root / f"test-{uuid4().hex}"
    try:
        place.mkdir()
        (place / "pids.max").write_text("max")
    except OSError:
        if place.exists():
            place.rmdir()
        pytest.skip("no control group that counts processes can be made here")
    one = Crowd(place)
    yield one
    one.let_go()


@pytest.fixture(params=["0", "1"], ids=["asked", "ahead"])
async def agent(
    tmp_path: Path, crowd: Crowd, request: pytest.FixtureRequest
) -> AsyncIterator[AgentProcess]:
    """An agent that forks, its kernels ahead of demand or not; it is gone before its group is."""
    process = AgentProcess(tmp_path / "data", "--zygote-ahead", request.param, zygotes=1)
    try:
        await process.start()
        yield process
    finally:
        crowd.limit()
        await process.clean_up()


async def _outcome(agent: AgentProcess, seconds: float = 60.0) -> tuple[str, RecordKind, str]:
    """Start a kernel; return its id, what became of it within so long, and what is said about that."""
    kernel = await agent.launch(start_timeout_seconds=seconds)
    over = (RecordKind.KERNEL_READY, RecordKind.KERNEL_ENDED)
    last = (await agent.records(kernel, until=lambda one: one.kind in over))[-1]
    return kernel, last.kind, str(json.loads(last.body).get("reason", ""))


def _parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


async def test_a_kernel_that_cannot_be_forked_is_started_as_a_program(
    agent: AgentProcess, crowd: Crowd
) -> None:
    zygote = await zygote_of(agent)
    assert zygote.pid is not None
    crowd.take_in(zygote.pid)
    crowd.limit(0)
    # One that was forked ahead is no process of the zygote any more.
    forked = []
    for _ in range(3):
        kernel, kind, reason = await _outcome(agent)
        assert kind is RecordKind.KERNEL_READY, reason
        forked.append(is_forked(agent, kernel))
    assert not all(forked)
    assert forked[-1] is False


async def test_where_nothing_can_be_started_a_kernel_says_so_and_the_agent_lives(
    agent: AgentProcess, crowd: Crowd
) -> None:
    zygote = await zygote_of(agent)
    assert zygote.pid is not None
    pid = int(agent.described()["pid"])  # type: ignore[call-overload]
    crowd.take_in(pid, _parent_of(zygote.pid), zygote.pid)
    for more in (0, 1):
        crowd.limit(more)
        # Some of its threads may have begun, so that it neither answers nor ends.
        seen = [await _outcome(agent, seconds=10.0) for _ in range(2)]
        failed = [
            (kernel, reason) for kernel, kind, reason in seen if kind is RecordKind.KERNEL_ENDED
        ]
        assert failed
        for kernel, reason in failed:
            assert reason
            assert not list(agent.data_dir.glob(f"agent/run/{kernel.replace('-', '')}*"))
        crowd.limit()
        for kernel, kind, _ in seen:
            if kind is RecordKind.KERNEL_READY:
                await agent.done(link.Stop(kernel, "enough"))
                await agent.records(kernel)
    # The zygote is not to blame, and not lost.
    assert (await zygote_of(agent)).pid == zygote.pid
    kernel = await agent.launch()
    await agent.records(kernel, until=of_kind(RecordKind.KERNEL_READY))
    assert is_forked(agent, kernel)
