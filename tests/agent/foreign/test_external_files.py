"""A real agent tells which kernels have connection files in a directory, and listen."""

from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import uuid4

import msgspec

from kernelyard.model.records import RecordKind
from kernelyard.wire import link
from kernelyard.wire.foreign import DepositFile, ExternalFiles, ExternalKernel, ExternalList

from tests.support.agent_process import AgentProcess, ended, fault_in, of_kind, stdout_of
from tests.support.foreign_kernel import ForeignKernel


async def found(agent: AgentProcess, place: Path) -> ExternalList:
    reply = await agent.ask(ExternalFiles(str(place)))
    assert isinstance(reply, ExternalList)
    return reply


async def attach(agent: AgentProcess, place: Path, kernel: ExternalKernel) -> str:
    mine = str(uuid4())
    await agent.done(DepositFile(mine, str(place), kernel.file, kernel.identity))
    await agent.launch(kernel_id=mine, provider="foreign", owned=False)
    await agent.records(mine, until=of_kind(RecordKind.KERNEL_READY))
    return mine


async def wait_for(agent: AgentProcess, place: Path, kernels: list[ExternalKernel]) -> None:
    async with asyncio.timeout(30):
        while (await found(agent, place)).kernels != kernels:
            await asyncio.sleep(0)


async def test_a_kernel_is_attached_by_its_file_and_found_again_when_it_changes(
    agent: AgentProcess, tmp_path: Path
) -> None:
    place = tmp_path / "runtime"
    place.mkdir()
    assert (await found(agent, tmp_path / "missing")).problem is not None
    with ForeignKernel(place / "kernel-1.json") as kernel:
        (listed,) = (await found(agent, place)).kernels
        assert listed.file == "kernel-1.json"
        mine = await attach(agent, place, listed)
        await agent.submit(mine, "print('by its file')")
        assert stdout_of(await agent.records(mine, until=ended(1)), 1) == "by its file\n"
        assert (await found(agent, place)).kernels == [], "it is attached"
        await agent.done(link.Stop(mine, "enough"))
        await agent.records(mine)
        again = await found(agent, place)
        assert (again.kernels, again.present) == ([], ["kernel-1.json"]), "it was let go of"
        agent.kill()
        await agent.start()
        assert (await found(agent, place)).kernels == []
        kernel.file.touch()
        assert (await found(agent, place)).kernels == [listed]
        refused = DepositFile(str(uuid4()), str(place), listed.file, "0" * 64)
        assert fault_in(await agent.ask(refused)).code == "conflict"
        again_mine = await attach(agent, place, listed)
        kernel.kill()
        await agent.records(again_mine)
        gone = await found(agent, place)
        assert (gone.kernels, gone.present) == ([], ["kernel-1.json"]), "nobody listens"
    with ForeignKernel(place / "kernel-1.json"):
        # Whoever owns it has started it again, at the same place.
        await wait_for(agent, place, [listed])


async def test_a_bridge_to_a_kernel_of_ours_is_no_stranger(
    agent: AgentProcess, tmp_path: Path
) -> None:
    ours = await agent.launch()
    await agent.records(ours, until=of_kind(RecordKind.KERNEL_READY))
    bridged = await agent.ask(link.Bridge(ours))
    assert isinstance(bridged, link.Bridged)
    file = tmp_path / "kernel-ours.json"
    file.write_bytes(msgspec.json.encode(bridged.connection))
    file.chmod(0o600)
    listed = await found(agent, tmp_path)
    assert (listed.kernels, listed.present) == ([], [file.name])


async def test_what_ended_with_everything_else_is_found_again(
    agent: AgentProcess, tmp_path: Path
) -> None:
    place = tmp_path / "runtime"
    place.mkdir()
    with ForeignKernel(place / "kernel-1.json"):
        (listed,) = (await found(agent, place)).kernels
        await attach(agent, place, listed)
        await agent.done(link.Quit(stop_kernels=True))
        await agent.wait()
        await agent.start()
        assert (await found(agent, place)).kernels == [listed]
