"""A kernel is asked for at once, lives as long as it is wanted, and ends with everything settled."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import replace

import pytest

from kernelyard.model.errors import (
    AlreadyExists,
    Conflict,
    Forbidden,
    IdempotencyKeyReused,
    ImageDisabled,
    ImageNotFound,
    ImageNotReady,
    Invalid,
    KernelEnded,
    KernelNotFound,
    KernelNotRunning,
    NameTaken,
    TemplateDisabled,
    TemplateNotFound,
)
from kernelyard.model.exits import InterruptOutcome
from kernelyard.model.images import ImageChange
from kernelyard.model.kernel_phases import KernelState
from kernelyard.model.kernels import KernelOrder
from kernelyard.model.tasks import TaskState
from kernelyard.model.templates import Template, TemplateSpec
from kernelyard.yard.limits import Limits

from tests.support.yard_house import ADMIN, ANN, BEN, YardHouse, a_yard


async def test_creating_answers_at_once_and_the_kernel_becomes_idle(house: YardHouse) -> None:
    kernel = await house.kernel(display_name="Mine")
    assert kernel.state is KernelState.STARTING
    ready = await house.yard.kernels.wait(ANN, kernel.id, until="ready", timeout=10)
    assert ready.state is KernelState.IDLE
    states = [change.state for change in await house.yard.kernels.history(ANN, kernel.id)]
    assert states[0] == "starting"
    assert states[-1] == "idle"


async def test_template_and_kernel_environment_are_united_for_the_launch(house: YardHouse) -> None:
    spec = TemplateSpec(environment={"A": "t", "B": "t"}, max_idle_seconds=60)
    await house.yard.templates.create(ANN, Template(name="mine", spec=spec))
    order = KernelOrder(image="python3", template="mine", environment={"B": "k"})
    kernel, _ = await house.yard.kernels.create(ANN, order)
    await house.yard.kernels.wait(ANN, kernel.id, until="ready", timeout=10)
    launch = house.agent.launches[-1]
    assert launch.environment == {"A": "t", "B": "k"}
    assert launch.max_idle_seconds == 60


async def test_a_kernel_keeps_the_template_it_was_made_with(house: YardHouse) -> None:
    await house.yard.templates.create(ANN, Template(name="mine", spec=TemplateSpec(gpu=1)))
    kernel = await house.kernel(template="mine")
    await house.yard.templates.update(ANN, "mine", spec=TemplateSpec(gpu=2))
    await house.yard.templates.delete(ANN, "mine")
    assert (await house.yard.kernels.get(ANN, kernel.id)).template.spec.gpu == 1


async def test_a_name_belongs_to_one_live_kernel_of_its_owner(house: YardHouse) -> None:
    kernel = await house.kernel(name="mine")
    with pytest.raises(NameTaken):
        await house.kernel(name="mine")
    await house.kernel(BEN, name="mine")
    await house.yard.kernels.terminate(ANN, kernel.id)
    assert (await house.kernel(name="mine")).id != kernel.id


async def test_get_or_create_creates_once(house: YardHouse) -> None:
    order = KernelOrder(image="python3", name="mine")
    first, created = await house.yard.kernels.create(ANN, order, reuse=True)
    again, created_again = await house.yard.kernels.create(ANN, order, reuse=True)
    assert (first.id, created, created_again) == (again.id, True, False)
    with pytest.raises(Invalid, match="name"):
        await house.yard.kernels.create(ANN, replace(order, name=None), reuse=True)


async def test_get_or_create_at_the_same_time_gives_one_kernel(house: YardHouse) -> None:
    order = KernelOrder(image="python3", name="mine")
    made = await asyncio.gather(
        *(house.yard.kernels.create(ANN, order, reuse=True) for _ in range(10))
    )
    assert len({kernel.id for kernel, _ in made}) == 1
    assert sum(created for _, created in made) == 1


async def test_an_idempotency_key_gives_the_same_kernel(house: YardHouse) -> None:
    order = KernelOrder(image="python3")
    first, _ = await house.yard.kernels.create(ANN, order, idempotency_key="k")
    again, created = await house.yard.kernels.create(ANN, order, idempotency_key="k")
    assert (again.id, created) == (first.id, False)
    with pytest.raises(IdempotencyKeyReused):
        other = replace(order, display_name="other")
        await house.yard.kernels.create(ANN, other, idempotency_key="k")


async def test_what_cannot_be_started_is_refused(house: YardHouse) -> None:
    with pytest.raises(ImageNotFound, match="Images here: .*python3"):
        await house.kernel(image="nothing")
    with pytest.raises(ImageNotReady, match="no JSON"):
        await house.kernel(image="broken")
    with pytest.raises(TemplateNotFound):
        await house.kernel(template="nothing")
    with pytest.raises(Invalid):
        await house.kernel(name="no/slash")
    await house.yard.images.update(ADMIN, "python3", ImageChange(disabled=True))
    with pytest.raises(ImageDisabled):
        await house.kernel()
    await house.yard.templates.update(ADMIN, "default", disabled=True)
    with pytest.raises(TemplateDisabled):
        await house.kernel(image="slow")


async def test_a_kernel_that_dies_at_its_start_has_failed_and_says_why(house: YardHouse) -> None:
    kernel = await house.kernel(image="stillborn")
    task = await house.task(kernel, "print:never")
    assert (await house.ended(task)).state is TaskState.CANCELLED
    ended = await house.yard.kernels.wait(ANN, kernel.id, until="ended", timeout=10)
    assert ended.state is KernelState.FAILED
    assert ended.reason


async def test_terminating_settles_open_tasks_and_keeps_what_was_said(house: YardHouse) -> None:
    kernel = await house.kernel()
    done = await house.ended(await house.task(kernel, "print:kept"))
    running = await house.task(kernel, "hang")
    queued = await house.task(kernel, "print:never")
    ended = await house.yard.kernels.terminate(ANN, kernel.id)
    assert ended.state is KernelState.TERMINATING
    for task in (running, queued):
        assert (await house.ended(task)).state is TaskState.CANCELLED
    ended = await house.yard.kernels.wait(ANN, kernel.id, until="ended", timeout=10)
    assert ended.state is KernelState.TERMINATED
    assert (await house.yard.outputs.result(ANN, done.id)).stdout == "kept\n"
    with pytest.raises(KernelEnded, match="create a new kernel"):
        await house.task(kernel, "print:late")
    with pytest.raises(KernelEnded):
        await house.yard.kernels.restart(ANN, kernel.id)
    with pytest.raises(KernelEnded):
        await house.yard.kernels.interrupt(ANN, kernel.id)
    again = await house.yard.kernels.terminate(ANN, kernel.id)
    assert again.state is KernelState.TERMINATED


async def test_a_kernel_terminated_before_its_start_ends_too(house: YardHouse) -> None:
    kernel = await house.kernel(image="slow")
    task = await house.task(kernel, "print:never")
    await house.yard.kernels.terminate(ANN, kernel.id)
    ended = await house.yard.kernels.wait(ANN, kernel.id, until="ended", timeout=10)
    assert ended.state is KernelState.TERMINATED
    assert (await house.ended(task)).state is TaskState.CANCELLED


async def test_deleting_hides_at_once_and_removes_every_trace(house: YardHouse) -> None:
    kernel = await house.kernel()
    await house.ended(await house.task(kernel, "print:x"))
    await house.yard.kernels.delete(ANN, kernel.id)
    with pytest.raises(KernelNotFound):
        await house.yard.kernels.get(ANN, kernel.id)

    with pytest.raises(KernelNotFound):
        await house.yard.kernels.wait(ANN, kernel.id, until="gone", timeout=10)
    assert await house.store.kernels.by_no(kernel.no) is None
    assert kernel.id not in house.agent.kernels


async def test_a_kernel_that_nobody_deletes_is_not_gone(house: YardHouse) -> None:
    kernel = await house.kernel()
    waited = await house.yard.kernels.wait(ANN, kernel.id, until="gone", timeout=0)
    assert waited.id == kernel.id
    with pytest.raises(KernelNotFound):
        await house.yard.kernels.wait(BEN, kernel.id, until="gone", timeout=0)


async def test_a_restart_keeps_the_kernel_and_its_queue(house: YardHouse) -> None:
    kernel = await house.kernel()
    running = await house.task(kernel, "hang")
    behind = await house.task(kernel, "print:on")
    following = await house.yard.outputs.follow(ANN, running.id, 0)
    await anext(following)
    await house.yard.kernels.restart(ANN, kernel.id)
    assert (await house.ended(running)).state is TaskState.CANCELLED
    assert (await house.ended(behind)).state is TaskState.SUCCEEDED
    now = await house.yard.kernels.get(ANN, kernel.id)
    assert (now.attempt, now.ran_attempt) == (2, 2)


async def test_a_kernel_that_is_not_up_cannot_be_interrupted(house: YardHouse) -> None:
    kernel = await house.kernel(image="slow")
    with pytest.raises(KernelNotRunning):
        await house.yard.kernels.interrupt(ANN, kernel.id)
    house.agent.gates.release("start")


async def test_interrupting_ends_what_runs(house: YardHouse) -> None:
    kernel = await house.kernel()
    task = await house.task(kernel, "hang")
    await anext(await house.yard.outputs.follow(ANN, task.id, 0))
    outcome = await house.yard.kernels.interrupt(ANN, kernel.id)
    assert outcome == (InterruptOutcome.EFFECTIVE, False)
    assert (await house.ended(task)).state is not TaskState.SUCCEEDED


async def test_a_kernel_that_an_interrupt_would_end_is_left_alone_or_restarted(
    house: YardHouse,
) -> None:
    house.agent.interrupts_kill = True
    kernel = await house.kernel()
    await house.yard.kernels.wait(ANN, kernel.id, until="ready", timeout=10)
    refused = await house.yard.kernels.interrupt(ANN, kernel.id)
    assert refused == (InterruptOutcome.WOULD_KILL, False)
    assert (await house.yard.kernels.get(ANN, kernel.id)).attempt == 1
    again = await house.yard.kernels.interrupt(ANN, kernel.id, restart_if_needed=True)
    assert again == (InterruptOutcome.WOULD_KILL, True)
    assert (await house.yard.kernels.get(ANN, kernel.id)).attempt == 2


@pytest.mark.parametrize("named", ["SIGUSR1", "usr1", "10", 10])
async def test_signals_are_sent_by_name_or_number_and_by_somebody(
    house: YardHouse, named: str | int
) -> None:
    kernel = await house.kernel()
    await house.yard.kernels.wait(ANN, kernel.id, until="ready", timeout=10)
    number = int(signal.SIGUSR1)
    given = number if named in ("10", 10) else named
    assert await house.yard.kernels.signal(ANN, kernel.id, given)
    assert house.agent.signals == [(kernel.id, number, ANN.name)]


@pytest.mark.parametrize("named", ["SIGNOTHING", "", "0", 0, -9, 4000, "SIG_IGN", "9; rm"])
async def test_what_is_no_signal_is_refused(house: YardHouse, named: str | int) -> None:
    kernel = await house.kernel()
    with pytest.raises(Invalid, match="no signal"):
        await house.yard.kernels.signal(ANN, kernel.id, named)
    with pytest.raises(Invalid, match="one line"):
        await house.yard.kernels.signal(ANN, kernel.id, "SIGUSR1", reason="a\nb")


async def test_lists_are_paged_newest_first_and_filtered(house: YardHouse) -> None:
    made = [await house.kernel() for _ in range(5)]
    await house.kernel(BEN)
    for kernel in made:
        await house.yard.kernels.wait(ANN, kernel.id, until="ready", timeout=10)
    await house.yard.kernels.terminate(ANN, made[0].id)
    await house.yard.kernels.wait(ANN, made[0].id, until="ended", timeout=10)
    seen: list[str] = []
    cursor = None
    while True:
        page, cursor = await house.yard.kernels.list(ANN, cursor=cursor, limit=2)
        seen += [kernel.id for kernel in page]
        if cursor is None:
            break
    assert seen == [kernel.id for kernel in reversed(made)]
    idle, _ = await house.yard.kernels.list(ANN, states=frozenset({KernelState.IDLE}))
    assert {kernel.id for kernel in idle} == {kernel.id for kernel in made[1:]}
    everybodys, _ = await house.yard.kernels.list(ADMIN)
    assert len(everybodys) == 6


async def test_a_server_has_room_for_so_many_kernels() -> None:
    async with a_yard(limits=Limits(max_kernels=2)) as house:
        first = await house.kernel()
        await house.kernel()
        third = await house.kernel()
        assert (third.state, third.admitted) == (KernelState.STARTING, False)
        assert third.reason == "waiting for 1 kernel; 2 of 2 in use"
        await house.yard.kernels.terminate(ANN, first.id)
        await house.ended(await house.task(third, "print:hello"))


async def test_templates_belong_to_who_made_them(house: YardHouse) -> None:
    await house.yard.templates.create(ANN, Template(name="anns"))
    with pytest.raises(TemplateNotFound):
        await house.yard.templates.update(BEN, "anns", disabled=True)
    with pytest.raises(TemplateNotFound):
        await house.yard.templates.delete(BEN, "anns")
    with pytest.raises(AlreadyExists):
        await house.yard.templates.create(BEN, Template(name="anns"))
    with pytest.raises(TemplateNotFound):
        await house.kernel(who=BEN, template="anns")
    with pytest.raises(Forbidden):
        await house.yard.templates.update(BEN, "default", disabled=True)
    with pytest.raises(Forbidden, match="engine_options"):
        spec = TemplateSpec(engine_options={"privileged": True})
        await house.yard.templates.create(ANN, Template(name="sly", spec=spec))
    with pytest.raises(Conflict):
        await house.yard.templates.delete(ADMIN, "default")
    await house.yard.templates.delete(ADMIN, "anns")


async def test_only_administrators_say_things_about_images(house: YardHouse) -> None:
    with pytest.raises(Forbidden):
        await house.yard.images.register(ANN, "py:3", "python3")
    image = await house.yard.images.register(ADMIN, "py:3", "python3")
    assert image.reference == "kernelspec/python3"
    assert (await house.kernel(image="py:3")).image.reference == "kernelspec/python3"
    await house.yard.images.remove(ADMIN, "py:3")
    with pytest.raises(ImageNotFound):
        await house.yard.images.get(ANN, "py:3")
