"""An agent in memory, with the engine that places it and the links that reach it.

Its images: ``python3`` and ``conda/science`` work, ``broken`` is found with a problem, a kernel from
``stillborn`` dies at its start, and one from ``slow`` is ready when a test releases ``start``. A claim is answered unless a test closes ``claim``.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace

from kernelyard.model.errors import (
    AgentUnavailable,
    Conflict,
    ImageNotFound,
    Invalid,
    KernelNotFound,
    RecordsGone,
    ResourceNotFound,
)
from kernelyard.model.exits import InterruptOutcome
from kernelyard.model.images import FoundImage
from kernelyard.model.kernels import LaunchOrder
from kernelyard.model.records import Record
from kernelyard.model.tasks import Assignment, Cancellation
from kernelyard.ports.agent_link import Heard
from kernelyard.ports.engine import AgentAddress, Engine
from kernelyard.wire.connections import Connection
from kernelyard.wire.foreign import Deposit, DepositFile, ExternalList
from kernelyard.wire.link import (
    LINK_VERSION,
    AgentInfo,
    BrokenProvider,
    FactList,
    HiddenImage,
    ImageList,
    LimitFact,
    LogPart,
    SlowProvider,
)
from kernelyard.wire.zygotes import ZygoteList

from tests.support.scripted_kernel import Gates, ScriptedKernel

IMAGES = [
    FoundImage(provider="kernelspec", name=name, display_name=name.title(), language="python")
    for name in ("stillborn", "slow")
]
IMAGES += [
    FoundImage(
        provider="kernelspec",
        name="python3",
        display_name="Python 3",
        language="python",
        version="3.12.3",
        resources=("logo-64x64.png",),
    ),
    FoundImage(
        provider="conda", name="science", display_name="Science", language="python", version="3.11"
    ),
    FoundImage(
        provider="kernelspec",
        name="broken",
        display_name="Broken",
        language="",
        problem="its kernel.json is no JSON; correct it.",
    ),
]
FRAIL = FoundImage(provider="kernelspec", name="frail", display_name="Frail", language="python")
"""Its kernels die as soon as they are ready, and are started again."""
LOG = b"a warning from below\n"
CONNECTION = Connection(
    shell_port=5001,
    iopub_port=5002,
    stdin_port=5003,
    control_port=5004,
    hb_port=5005,
    key="the key of a bridge",
    kernel_name="python3",
)
LOGO = b"\x89PNG scripted"


class ScriptedAgent:
    """Keeps kernels until a test closes it. Unreachable while ``absent`` is true."""

    def __init__(self) -> None:
        self.gates = Gates()
        self.gates.release("claim")
        self.kernels: dict[str, ScriptedKernel] = {}
        self.launches: list[LaunchOrder] = []
        self.claims: list[LaunchOrder] = []
        """What was said of kernels that had waited in a pool."""
        self.attached: dict[str, float] = {}
        self.stored: dict[str, int] = {}
        self.cut: dict[str, int] = {}
        """The first records that journals still have, by the kernels' ids."""
        self.deposits: dict[str, Deposit | DepositFile] = {}
        """Connections of kernels that somebody else has started."""
        self.external = ExternalList()
        """What the watched directory has."""
        self.shut_down: list[str] = []
        """Kernels that were to be shut down when they were stopped."""
        self.signals: list[tuple[str, int, str]] = []
        """Kernels, numbers and who had them sent."""
        self.interrupts_kill = False
        """Whether an interrupt would end a kernel."""
        self.zygotes = ZygoteList([], most=4)
        self.absent = False
        self.images = list(IMAGES)
        self.broken: list[BrokenProvider] = []
        self.slow: list[SlowProvider] = []
        self.hidden: list[HiddenImage] = []
        self.version = 1
        self.began = 1
        self.asked_than = 0
        """The version of the list that whoever waits for changes knows."""
        self._changed = asyncio.Event()
        self.bridged: set[str] = set()
        """Kernels whose bridges are open."""

    def find(self, *images: FoundImage) -> None:
        """From now on the providers list these images."""
        self.images = list(images)
        self.version += 1
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def hide(self, reference: str, reason: str) -> None:
        """There is an image that is not safe to offer."""
        self.hidden.append(HiddenImage(reference, reason))
        self.find(*self.images)

    async def changes(self, than: int, seconds: float) -> None:
        """Wait until the list is another than that of version ``than``."""
        self.asked_than = than
        if self.version == than:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._changed.wait()

    def listed(self) -> ImageList:
        """What the agent answers now."""
        return ImageList(
            images=list(self.images),
            broken=list(self.broken),
            slow=list(self.slow),
            hidden=list(self.hidden),
            began=self.began,
            version=self.version,
        )

    def kernel(self, kernel_id: str) -> ScriptedKernel:
        """Raises KernelNotFound."""
        if kernel_id not in self.kernels:
            raise KernelNotFound
        return self.kernels[kernel_id]

    async def aclose(self) -> None:
        """End everything that runs."""
        for kernel in self.kernels.values():
            await kernel.aclose()


class ScriptedLink:
    """``AgentLink`` to an agent in the same process."""

    def __init__(self, agent: ScriptedAgent) -> None:
        self._agent = agent

    async def hello(self) -> AgentInfo:
        agent = self._reached()
        alive = [key for key, kernel in agent.kernels.items() if not kernel.closed]
        return AgentInfo(LINK_VERSION, "scripted", 1, 0, alive)

    async def images(self, *, refresh: bool = False) -> ImageList:
        return self._reached().listed()

    async def new_images(self, than: int, seconds: float) -> ImageList:
        await self._reached().changes(than, seconds)
        return self._reached().listed()

    async def check_parameters(
        self, provider: str, image: str, values: Mapping[str, object]
    ) -> None:
        found = next(i for i in self._reached().images if (i.provider, i.name) == (provider, image))
        properties = found.parameters.get("properties")
        for name in values:
            if not isinstance(properties, dict) or name not in properties:
                raise Invalid(f"There is no parameter {name!r}.", field=f"parameters.{name}")

    async def resource(self, provider: str, image: str, file: str) -> bytes:
        self._reached()
        images = self._reached().images
        found = next((i for i in images if (i.provider, i.name) == (provider, image)), None)
        if found is None:
            raise ImageNotFound
        if file not in found.resources:
            raise ResourceNotFound
        return LOGO

    async def launch(self, order: LaunchOrder) -> None:
        agent = self._reached()
        agent.launches.append(order)
        if order.kernel_id not in agent.kernels:
            agent.kernels[order.kernel_id] = ScriptedKernel(order, agent.gates)

    async def claim(self, order: LaunchOrder) -> None:
        agent = self._reached()
        kernel = agent.kernel(order.kernel_id)
        await agent.gates.released("claim")
        agent.claims.append(order)
        kernel.order = replace(order, pooled=False)

    async def submit(self, kernel_id: str, tasks: Sequence[Assignment]) -> None:
        self._reached().kernel(kernel_id).submit(tasks)

    async def cancel(
        self, kernel_id: str, task_id: str, seq: int, reason: str, how: Cancellation
    ) -> None:
        self._reached().kernel(kernel_id).cancel(task_id, reason)

    async def interrupt(self, kernel_id: str, by: str, reason: str) -> InterruptOutcome:
        agent = self._reached()
        if agent.interrupts_kill:
            return InterruptOutcome.WOULD_KILL
        agent.kernel(kernel_id).interrupt()
        return InterruptOutcome.EFFECTIVE

    async def signal(self, kernel_id: str, number: int, by: str, reason: str) -> bool:
        agent = self._reached()
        agent.kernel(kernel_id)
        agent.signals.append((kernel_id, number, by))
        return True

    async def restart(self, kernel_id: str, attempt: int, reason: str, by: str = "") -> None:
        await self._reached().kernel(kernel_id).restart(attempt, reason)

    async def stop(self, kernel_id: str, reason: str, *, shut_down: bool = False) -> None:
        agent = self._reached()
        if shut_down:
            agent.shut_down.append(kernel_id)
        if kernel_id not in agent.kernels:
            # One that never came here gets a journal that says it ended.
            unborn = LaunchOrder(kernel_id=kernel_id, attempt=1, provider="", image="unborn")
            agent.kernels[kernel_id] = ScriptedKernel(unborn, agent.gates)
        await agent.kernel(kernel_id).stop(reason)

    async def deposit(self, deposit: Deposit) -> None:
        self._reached().deposits[deposit.kernel_id] = deposit

    async def deposit_file(self, kernel_id: str, directory: str, file: str, identity: str) -> None:
        agent = self._reached()
        found = {one.file: one.identity for one in agent.external.kernels}
        if found.get(file) != identity:
            raise Conflict
        agent.deposits[kernel_id] = DepositFile(kernel_id, directory, file, identity)

    async def external_files(self, directory: str) -> ExternalList:
        return self._reached().external

    async def forget(self, kernel_id: str) -> None:
        self._reached().deposits.pop(kernel_id, None)
        kernel = self._reached().kernels.pop(kernel_id, None)
        if kernel is not None:
            await kernel.stop("forgotten")

    async def follow(
        self,
        kernel_id: str,
        after: int,
        after_at: int | None = None,
        heard: Heard | None = None,
    ) -> AsyncIterator[list[Record]]:
        journal = self._reached().kernel(kernel_id).journal
        first = self._agent.cut.get(kernel_id, 1)
        if after < (first - 1 if after_at is None else first):
            raise RecordsGone(first=first)
        if after > len(journal) or (after and after_at not in (None, journal[after - 1].at)):
            raise Invalid
        if heard is not None:
            heard.begin(len(journal))
        async for records in self._reached().kernel(kernel_id).follow(after):
            self._reached()
            if heard is not None:
                heard.take(records)
            yield records

    async def attach(self, kernel_id: str, seconds: float) -> None:
        self._reached().kernel(kernel_id)
        self._agent.attached[kernel_id] = seconds

    async def stored(self, kernel_id: str, number: int) -> None:
        self._reached().kernel(kernel_id)
        self._agent.stored[kernel_id] = number

    async def log(self, kernel_id: str, begin: int | None, most: int) -> LogPart:
        self._reached().kernel(kernel_id)
        text = LOG[begin or 0 :][:most] if begin is not None else LOG[-most:]
        start = begin if begin is not None else len(LOG) - len(text)
        return LogPart(text, start, start + len(text), len(LOG), 0)

    async def open_bridge(self, kernel_id: str) -> Connection:
        self._reached().kernel(kernel_id)
        self._agent.bridged.add(kernel_id)
        return CONNECTION

    async def close_bridge(self, kernel_id: str) -> None:
        self._reached().kernel(kernel_id)
        self._agent.bridged.discard(kernel_id)

    async def facts(self) -> FactList:
        self._reached()
        return FactList([LimitFact("memory_bytes_limit", "", "nothing is held here")])

    async def zygotes(self) -> ZygoteList:
        return self._reached().zygotes

    async def quit(self, *, stop_kernels: bool) -> None:
        alive = (await self.hello()).kernels
        if alive and not stop_kernels:
            raise Conflict
        for kernel_id in alive:
            await self.stop(kernel_id, "the agent was ended")

    def _reached(self) -> ScriptedAgent:
        if self._agent.absent:
            raise AgentUnavailable
        return self._agent


class ScriptedLinks:
    """``Links`` that all lead to one agent."""

    def __init__(self, agent: ScriptedAgent) -> None:
        self._agent = agent

    def open(self, address: AgentAddress) -> ScriptedLink:
        return ScriptedLink(self._agent)

    async def aclose(self) -> None:
        """Nothing is to be closed."""


class ScriptedEngine(Engine):
    """An engine whose agent is always there, unless it is absent."""

    def __init__(self, agent: ScriptedAgent) -> None:
        self._agent = agent

    async def place(self) -> AgentAddress:
        if self._agent.absent:
            raise AgentUnavailable
        return AgentAddress("memory", "here")

    async def observe(self) -> list[AgentAddress]:
        return [] if self._agent.absent else [AgentAddress("memory", "here")]
