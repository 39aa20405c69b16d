"""A token is good for its scopes, at whichever door: the yard itself asks for them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from kernelyard.model.errors import Forbidden, YardError
from kernelyard.model.kernels import KernelOrder
from kernelyard.model.pools import PoolOrder
from kernelyard.model.principals import Principal, Role, Scope
from kernelyard.model.tasks import Cancellation, TaskOrder
from kernelyard.model.templates import Template
from kernelyard.yard.foreign import AttachOrder
from kernelyard.yard.yard import Yard

from tests.support.yard_house import YardHouse

NOBODYS = "00000000-0000-0000-0000-000000000007"
Ask = Callable[[Yard, Principal], Awaitable[object]]


def holding(*scopes: Scope) -> Principal:
    """A user whose token has these scopes."""
    return Principal("ann", Role.USER, frozenset(scopes))


async def joined(yard: Yard, who: Principal) -> None:
    async with yard.relays.open(who, NOBODYS, "session"):
        pass


READS: dict[str, Ask] = {
    "a kernel": lambda y, w: y.kernels.get(w, NOBODYS),
    "kernels": lambda y, w: y.kernels.list(w),
    "a kernel's history": lambda y, w: y.kernels.history(w, NOBODYS),
    "the end of a kernel": lambda y, w: y.kernels.wait(w, NOBODYS, until="ended", timeout=0),
    "that a kernel is gone": lambda y, w: y.kernels.wait(w, NOBODYS, until="gone", timeout=0),
    "a task": lambda y, w: y.tasks.get(w, NOBODYS),
    "tasks": lambda y, w: y.tasks.list(w),
    "the end of a task": lambda y, w: y.tasks.wait(w, NOBODYS, 0),
    "outputs": lambda y, w: y.outputs.page(w, NOBODYS, 0, None),
    "outputs of a kernel": lambda y, w: y.outputs.kernel_page(w, NOBODYS, 0, None),
    "outputs to come": lambda y, w: y.outputs.follow(w, NOBODYS, 0),
    "outputs to come of a kernel": lambda y, w: y.outputs.kernel_follow(w, NOBODYS, 0),
    "a stream": lambda y, w: y.outputs.streams(w, NOBODYS, "stdout"),
    "a result": lambda y, w: y.outputs.result(w, NOBODYS),
    "a log": lambda y, w: y.logs.read(w, NOBODYS, None, None),
    "events": lambda y, w: y.events.page(w, 0, None),
    "events to come": lambda y, w: y.events.follow(w, 0),
    "images": lambda y, w: y.images.list(w),
    "templates": lambda y, w: y.templates.list(w, None, None),
    "a template": lambda y, w: y.templates.get(w, "default"),
    "pools": lambda y, w: y.pools.list(w),
    "tokens": lambda y, w: y.tokens.list(w),
    "a quota": lambda y, w: y.quotas.of(w, w.name),
}
RUNS: dict[str, Ask] = {
    "submit": lambda y, w: y.tasks.submit(w, NOBODYS, TaskOrder(code="1")),
    "run": lambda y, w: y.tasks.run(w, NOBODYS, TaskOrder(code="1"), 0),
    "cancel": lambda y, w: y.tasks.cancel(w, NOBODYS),
    "interrupt": lambda y, w: y.kernels.interrupt(w, NOBODYS),
    "join by a WebSocket": joined,
    "join by a connection file": lambda y, w: y.bridges.open(w, NOBODYS),
    "send away who has joined": lambda y, w: y.bridges.close(w, NOBODYS),
}
MANAGES: dict[str, Ask] = {
    "create": lambda y, w: y.kernels.create(w, KernelOrder(image="none")),
    "attach": lambda y, w: y.foreign.attach(w, AttachOrder(connection={}, template="default")),
    "terminate": lambda y, w: y.kernels.terminate(w, NOBODYS),
    "delete": lambda y, w: y.kernels.delete(w, NOBODYS),
    "restart": lambda y, w: y.kernels.restart(w, NOBODYS),
    "interrupt or restart": lambda y, w: y.kernels.interrupt(w, NOBODYS, restart_if_needed=True),
    "cancel or restart": lambda y, w: y.tasks.cancel(w, NOBODYS, Cancellation(allow_restart=True)),
    "signal": lambda y, w: y.kernels.signal(w, NOBODYS, "SIGUSR1"),
    "make a template": lambda y, w: y.templates.create(w, Template(name="a b")),
    "change a template": lambda y, w: y.templates.update(w, "none"),
    "delete a template": lambda y, w: y.templates.delete(w, "none"),
    "set a pool": lambda y, w: y.pools.set(w, PoolOrder(image="none", size=1)),
    "remove a pool": lambda y, w: y.pools.remove(w, "none", "default", "ann"),
    "make a token": lambda y, w: y.tokens.create(w, "a b"),
    "revoke a token": lambda y, w: y.tokens.remove(w, NOBODYS),
}


async def refused(asked: Awaitable[object]) -> bool:
    """Whether the token was not good for that; what else may be wrong does not matter."""
    try:
        await asked
    except Forbidden as error:
        return "scope" in error.message
    except YardError:
        return False
    return False


@pytest.mark.parametrize("name", READS)
async def test_every_scope_reads(house: YardHouse, name: str) -> None:
    for scope in (Scope.READ, Scope.RUN, Scope.MANAGE):
        assert not await refused(READS[name](house.yard, holding(scope)))
    assert await refused(READS[name](house.yard, holding()))


@pytest.mark.parametrize("name", RUNS)
async def test_running_takes_the_scope_run(house: YardHouse, name: str) -> None:
    assert not await refused(RUNS[name](house.yard, holding(Scope.RUN)))
    for scope in (Scope.READ, Scope.MANAGE):
        assert await refused(RUNS[name](house.yard, holding(scope)))


@pytest.mark.parametrize("name", MANAGES)
async def test_making_and_ending_takes_the_scope_manage(house: YardHouse, name: str) -> None:
    assert not await refused(MANAGES[name](house.yard, holding(Scope.MANAGE)))
    for scope in (Scope.READ, Scope.RUN):
        assert await refused(MANAGES[name](house.yard, holding(scope)))
