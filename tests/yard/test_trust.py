"""Whose code may have run in what a kernel is forked from."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kernelyard.model.kernels import KernelOrder, LaunchOrder
from kernelyard.model.pools import PoolOrder
from kernelyard.model.principals import Principal
from kernelyard.model.templates import StartWay, Template, TemplateSpec

from tests.support.yard_house import ADMIN, ANN, BEN, YardHouse, until

NUMPY = TemplateSpec(preload=("numpy",))


async def launched(house: YardHouse, who: Principal, template: str, **more: Any) -> LaunchOrder:
    """The order with which a kernel of ``who`` was launched."""
    kernel, _ = await house.yard.kernels.create(
        who, KernelOrder(image="python3", template=template, **more)
    )
    return await ordered(house, kernel.id)


async def ordered(house: YardHouse, kernel_id: str) -> LaunchOrder:
    """The order with which a kernel was launched."""
    await until(lambda: any(one.kernel_id == kernel_id for one in house.agent.launches))
    return next(one for one in house.agent.launches if one.kernel_id == kernel_id)


async def test_without_modules_of_its_own_a_kernel_is_forked_from_what_all_share(
    house: YardHouse,
) -> None:
    order = await launched(house, ANN, "default")
    assert (order.preload, order.start, order.trust) == ((), StartWay.AUTO, "")


async def test_modules_of_an_administrator_are_shared(house: YardHouse) -> None:
    await house.yard.templates.create(ADMIN, Template(name="data", spec=NUMPY))
    order = await launched(house, ANN, "data")
    assert (order.preload, order.trust) == (("numpy",), "")


async def test_modules_of_a_user_run_beside_the_kernels_of_their_owner_only(
    house: YardHouse,
) -> None:
    await house.yard.templates.create(ANN, Template(name="data", spec=NUMPY))
    owners = {who: (await launched(house, who, "data")).trust for who in (ANN, ADMIN)}
    assert owners == {ANN: "ann", ADMIN: "admin"}


async def test_nobody_lends_an_administrators_name_to_modules_of_his_own(house: YardHouse) -> None:
    lent = replace(NUMPY, vouched=True)
    await house.yard.templates.create(ANN, Template(name="data", spec=lent))
    assert (await launched(house, ANN, "data")).trust == "ann"


@pytest.mark.parametrize(
    "change",
    [{"preload": ("numpy", "evil")}, {"environment": {"PYTHONPATH": "/home/ann"}}],
    ids=["modules", "environment"],
)
async def test_a_user_who_changes_what_is_preloaded_answers_for_it_from_then_on(
    house: YardHouse, change: dict[str, Any]
) -> None:
    made = await house.yard.templates.create(ANN, Template(name="data"))
    by_admin = await house.yard.templates.update(ADMIN, "data", spec=replace(made.spec, **change))
    assert by_admin.spec.vouched
    bigger = replace(by_admin.spec, memory_bytes_limit=2**30, preload=("numpy",))
    mine = await house.yard.templates.update(ANN, "data", spec=replace(by_admin.spec, gpu=1))
    assert mine.spec.vouched
    assert not (await house.yard.templates.update(ANN, "data", spec=bigger)).spec.vouched


async def test_a_kernel_remembers_whose_modules_its_template_had(house: YardHouse) -> None:
    made = await house.yard.templates.create(ADMIN, Template(name="data", spec=NUMPY))
    kernel, _ = await house.yard.kernels.create(ANN, KernelOrder(image="python3", template="data"))
    await house.yard.templates.delete(ADMIN, "data")
    await house.yard.templates.create(BEN, Template(name="data", spec=made.spec))
    assert (await ordered(house, kernel.id)).trust == ""
    assert (await launched(house, BEN, "data")).trust == "ben"


async def test_an_environment_of_ones_own_that_is_read_at_the_start_is_shared_with_nobody(
    house: YardHouse,
) -> None:
    await house.yard.templates.create(ADMIN, Template(name="data", spec=NUMPY))
    own = await launched(house, ANN, "data", environment={"PYTHONPATH": "/home/ann"})
    harmless = await launched(house, ANN, "data", environment={"TOWN": "Rome"})
    assert (own.trust, harmless.trust) == ("ann", "")


async def test_variables_that_say_where_modules_are_make_a_boundary_without_any_module(
    house: YardHouse,
) -> None:
    where = TemplateSpec(environment={"PYTHONPATH": "/home/ann"})
    await house.yard.templates.create(ANN, Template(name="hers", spec=where))
    await house.yard.templates.create(ADMIN, Template(name="ours", spec=where))
    assert (await launched(house, ANN, "hers")).trust == "ann"
    assert (await launched(house, BEN, "ours")).trust == ""
    own = await launched(house, BEN, "default", environment={"PYTHONPATH": "/home/ben"})
    assert own.trust == "ben"


async def test_what_waits_in_a_pool_with_modules_of_a_user_is_started_afresh(
    house: YardHouse,
) -> None:
    await house.yard.templates.create(ANN, Template(name="data", spec=NUMPY))
    await house.yard.pools.set(ADMIN, PoolOrder(image="python3", template="data", size=1))
    await until(lambda: bool(house.agent.launches))
    order = house.agent.launches[0]
    assert (order.pooled, order.start, order.trust) == (True, StartWay.EXEC, "")


async def test_a_template_may_have_its_kernels_started_as_new_programs(house: YardHouse) -> None:
    spec = replace(NUMPY, start=StartWay.EXEC)
    await house.yard.templates.create(ADMIN, Template(name="data", spec=spec))
    assert (await launched(house, ANN, "data")).start is StartWay.EXEC
