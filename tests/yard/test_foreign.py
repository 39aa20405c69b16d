"""Kernels that somebody else has started are attached, never restarted, and let go of."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from kernelyard.model.errors import (
    AgentUnavailable,
    AlreadyAttached,
    IdempotencyKeyReused,
    Invalid,
    KernelEnded,
    KernelNotOwned,
    KernelNotRunning,
    LimitReached,
    NameTaken,
    TemplateNotFound,
)
from kernelyard.model.kernel_phases import KernelState
from kernelyard.model.kernels import Kernel
from kernelyard.wire.foreign import Deposit
from kernelyard.yard.foreign import AttachOrder
from kernelyard.yard.limits import Limits

from tests.support.foreign_files import SECRET, connection_file
from tests.support.yard_house import ANN, BEN, YardHouse, a_yard

ORDER = AttachOrder(connection=connection_file())


async def attached(house: YardHouse, order: AttachOrder = ORDER) -> Kernel:
    kernel, _ = await house.yard.foreign.attach(ANN, order)
    return await house.yard.kernels.wait(ANN, kernel.id, until="ready", timeout=10)


async def test_an_attached_kernel_is_one_of_ours_that_is_not_owned(house: YardHouse) -> None:
    kernel = await attached(house, replace(ORDER, name="theirs", labels={"a": "b"}, pid=4711))
    assert kernel.state is KernelState.IDLE
    assert (kernel.owned, kernel.name, kernel.labels) == (False, "theirs", {"a": "b"})
    assert kernel.image.reference == "foreign/python3"
    order = house.agent.launches[-1]
    assert (order.kernel_id, order.owned, order.provider) == (kernel.id, False, "foreign")
    deposit = house.agent.deposits[kernel.id]
    assert isinstance(deposit, Deposit)
    assert (deposit.connection.key, deposit.pid) == (SECRET, 4711)
    task = await house.task(kernel, "print:hello")
    assert (await house.ended(task)).state == "succeeded"


async def test_the_key_is_in_no_row_and_no_representation(house: YardHouse) -> None:
    kernel = await attached(house)
    history = await house.yard.kernels.history(ANN, kernel.id)
    assert SECRET not in repr((kernel, history, ORDER, house.agent.launches))


async def test_attaching_again_gives_the_same_kernel_until_it_is_let_go(house: YardHouse) -> None:
    first, made = await house.yard.foreign.attach(ANN, replace(ORDER, name="theirs"))
    for order in (ORDER, replace(ORDER, name="theirs")):
        again, made_again = await house.yard.foreign.attach(ANN, order)
        assert (first.id, made, made_again) == (again.id, True, False)
    await house.kernel(name="taken")
    for name in ("other", "taken"):
        with pytest.raises(AlreadyAttached, match="theirs"):
            await house.yard.foreign.attach(ANN, replace(ORDER, name=name))
    others, made_by_ben = await house.yard.foreign.attach(BEN, ORDER)
    assert made_by_ben
    assert others.id != first.id
    assert set(house.agent.deposits) == {first.id, others.id}
    await house.yard.kernels.terminate(ANN, first.id)
    later, made_later = await house.yard.foreign.attach(ANN, ORDER)
    assert made_later
    assert later.id != first.id


async def test_attaching_at_the_same_time_gives_one_kernel(house: YardHouse) -> None:
    made = await asyncio.gather(*(house.yard.foreign.attach(ANN, ORDER) for _ in range(8)))
    assert len({kernel.id for kernel, _ in made}) == 1
    assert sum(created for _, created in made) == 1
    assert set(house.agent.deposits) == {made[0][0].id}


async def test_an_idempotency_key_gives_the_same_kernel(house: YardHouse) -> None:
    attach = house.yard.foreign.attach
    first, _ = await attach(ANN, ORDER, idempotency_key="k")
    await house.yard.kernels.terminate(ANN, first.id)
    again, created = await attach(ANN, ORDER, idempotency_key="k")
    assert (again.id, created) == (first.id, False)
    with pytest.raises(IdempotencyKeyReused):
        await attach(ANN, replace(ORDER, name="n"), idempotency_key="k")
    assert set(house.agent.deposits) == {first.id}


async def test_what_is_refused_leaves_nothing_behind(house: YardHouse) -> None:
    attach = house.yard.foreign.attach
    await house.kernel(name="taken")
    broken = connection_file(shell_port=0)
    for order, error in [
        (AttachOrder(connection=broken), Invalid),
        (replace(ORDER, name="no/slash"), Invalid),
        (replace(ORDER, pid=1), Invalid),
        (replace(ORDER, display_name="x" * 300), Invalid),
        (replace(ORDER, template="nothing"), TemplateNotFound),
        (replace(ORDER, name="taken"), NameTaken),
    ]:
        with pytest.raises(error) as raised:
            await attach(ANN, order)
        assert SECRET not in str(raised.value)
    house.agent.absent = True
    with pytest.raises(AgentUnavailable):
        await attach(ANN, ORDER)
    assert house.agent.deposits == {}
    assert await house.store.kernels.live_count() == 1


async def test_attached_kernels_count_as_kernels() -> None:
    async with a_yard(limits=Limits(max_kernels=1)) as house:
        await attached(house)
        with pytest.raises(LimitReached):
            await house.yard.foreign.attach(ANN, AttachOrder(connection=connection_file(key="b")))


async def test_it_is_never_restarted(house: YardHouse) -> None:
    kernel = await attached(house)
    with pytest.raises(KernelNotOwned, match="Restart it where"):
        await house.yard.kernels.restart(ANN, kernel.id)


async def test_terminating_lets_go_of_it_and_shuts_it_down_only_on_demand(
    house: YardHouse,
) -> None:
    first = await attached(house)
    await house.yard.kernels.terminate(ANN, first.id)
    ended = await house.yard.kernels.wait(ANN, first.id, until="ended", timeout=10)
    assert ended.reason == "detached by ann"
    assert house.agent.shut_down == []
    second = await attached(house)
    await house.yard.kernels.terminate(ANN, second.id, shut_down=True)
    ended = await house.yard.kernels.wait(ANN, second.id, until="ended", timeout=10)
    assert ended.reason == "shut down by ann"
    assert house.agent.shut_down == [second.id]


async def test_one_that_was_let_go_of_is_not_said_to_be_shut_down(house: YardHouse) -> None:
    kernel = await attached(house)
    terminate = house.yard.kernels.terminate
    await terminate(ANN, kernel.id)
    with pytest.raises(KernelEnded, match="let go of"):
        await terminate(ANN, kernel.id, shut_down=True)
    await house.yard.kernels.wait(ANN, kernel.id, until="ended", timeout=10)
    with pytest.raises(KernelEnded, match="Attach it again"):
        await terminate(ANN, kernel.id, shut_down=True)
    assert (await terminate(ANN, kernel.id)).state is KernelState.TERMINATED
    second = await attached(house)
    for _ in range(2):
        await terminate(ANN, second.id, shut_down=True)
    await house.yard.kernels.wait(ANN, second.id, until="ended", timeout=10)
    assert house.agent.shut_down == [second.id]


async def test_one_that_died_may_be_terminated_in_any_way(house: YardHouse) -> None:
    kernel = await attached(house)
    await house.ended(await house.task(kernel, "die"))
    await house.yard.kernels.wait(ANN, kernel.id, until="ended", timeout=10)
    ended = await house.yard.kernels.terminate(ANN, kernel.id, shut_down=True)
    assert ended.cause == "died"


@pytest.mark.parametrize("kept", [True, False])
async def test_what_the_agent_knows_goes_only_if_there_is_no_row(
    house: YardHouse, *, kept: bool
) -> None:
    kernels = house.store.kernels

    class Losing:
        """Kernels of which nobody hears whether they were written."""

        def __getattr__(self, name: str) -> object:
            return getattr(kernels, name)

        async def insert(self, *row: Any) -> tuple[Kernel, bool]:
            if kept:
                await kernels.insert(*row)
            raise ConnectionResetError

    house.store.kernels = Losing()  # type: ignore[misc, assignment]
    with pytest.raises(ConnectionResetError):
        await house.yard.foreign.attach(ANN, ORDER)
    assert len(house.agent.deposits) == kept
    house.store.kernels = kernels  # type: ignore[misc]


async def test_one_that_has_not_answered_cannot_be_shut_down(house: YardHouse) -> None:
    kernel, _ = await house.yard.foreign.attach(
        ANN, AttachOrder(connection=connection_file(kernel_name="slow"))
    )
    with pytest.raises(KernelNotRunning, match="let go"):
        await house.yard.kernels.terminate(ANN, kernel.id, shut_down=True)
    await house.yard.kernels.terminate(ANN, kernel.id)
    ended = await house.yard.kernels.wait(ANN, kernel.id, until="ended", timeout=10)
    assert ended.state is KernelState.TERMINATED
