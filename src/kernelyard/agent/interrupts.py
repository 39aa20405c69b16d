"""Interrupting one kernel in the way that stops its code, and knowing what that achieved."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Literal

import msgspec

from kernelyard.agent.logs import Log
from kernelyard.model.exits import InterruptOutcome
from kernelyard.providers.launcher import Launcher
from kernelyard.providers.quirks import Quirks
from kernelyard.wire.messages import Message

REPLY_SECONDS = 1.0
LAUNCHER_SECONDS = 10.0
FUTILE = frozenset({InterruptOutcome.NOT_DELIVERED, InterruptOutcome.WOULD_KILL})
"""Outcomes after which nothing can have changed for the code."""
Outcome = asyncio.Future[InterruptOutcome]
Manner = Literal["signal", "message", "none", "lethal"]
"""How a kernel is interrupted; ``lethal`` where a signal would end it, and nothing else stops it."""


def manner_of(mode: Literal["signal", "message"], quirks: Quirks) -> Manner:
    """Return how to interrupt a kernel whose kernelspec says ``mode``."""
    manner = quirks.interrupt or mode
    return "lethal" if quirks.lethal_interrupt and manner != "message" else manner


class _Reply(msgspec.Struct):
    status: str = ""


class Interrupts:
    """The interrupts of one incarnation."""

    def __init__(
        self,
        launcher: Launcher,
        manner: Manner,
        log: Log,
        *,
        ask: Callable[[], str],
        settled: Callable[[], None],
    ) -> None:
        """``ask`` sends an interrupt request and returns its id; ``settled`` is called after each."""
        self._launcher = launcher
        self._manner = manner
        self._log = log
        self._ask = ask
        self._settled = settled
        self._under_way: dict[asyncio.Task[InterruptOutcome], Outcome] = {}
        self._replies: dict[str, asyncio.Future[bool]] = {}

    @property
    def possible(self) -> bool:
        """Whether there is any way to interrupt it that does not end it."""
        return self._manner in ("signal", "message")

    @property
    def under_way(self) -> bool:
        """Whether one is on its way that may still hit other code than was meant."""
        return bool(self._under_way)

    def send(self) -> Outcome:
        """Send one; return what will tell what it has achieved, as far as that is known here."""
        outcome: Outcome = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(self._sent())
        self._under_way[task] = outcome
        task.add_done_callback(self._done)
        return outcome

    def on_control(self, message: Message) -> None:
        """Take in a message from the control socket."""
        reply = self._replies.get(message.parent)
        if message.type == "interrupt_reply" and reply is not None and not reply.done():
            reply.set_result(is_ok(message.content))

    def close(self, outcome: InterruptOutcome) -> None:
        """Wait for nothing any more: those under way have come to this ``outcome``."""
        for task, awaited in self._under_way.items():
            _settle(awaited, outcome)
            task.cancel()

    async def _sent(self) -> InterruptOutcome:
        match self._manner:
            case "lethal":
                return InterruptOutcome.WOULD_KILL
            case "none":
                return InterruptOutcome.NOT_DELIVERED
            case "signal":
                return await self._by_launcher()
            case "message":
                return await self._by_message()

    async def _by_launcher(self) -> InterruptOutcome:
        try:
            async with asyncio.timeout(LAUNCHER_SECONDS):
                return await self._launcher.interrupt()
        except TimeoutError:
            self._log.warning("launcher.hangs")
        except Exception:  # noqa: BLE001 - a launcher may be anybody's
            self._log.exception("launcher.failed")
        return InterruptOutcome.NOT_DELIVERED

    async def _by_message(self) -> InterruptOutcome:
        msg_id = self._ask()
        reply = self._replies[msg_id] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(REPLY_SECONDS):
                acknowledged = await reply
        except TimeoutError:
            acknowledged = False
        finally:
            del self._replies[msg_id]
        return InterruptOutcome.ACKNOWLEDGED if acknowledged else InterruptOutcome.DELIVERED

    def _done(self, task: asyncio.Task[InterruptOutcome]) -> None:
        awaited = self._under_way.pop(task)
        if task.cancelled():
            _settle(awaited, InterruptOutcome.NOT_DELIVERED)
            return
        if (error := task.exception()) is not None:
            self._log.warning("interrupt.failed", problem=repr(error))
            _settle(awaited, InterruptOutcome.NOT_DELIVERED)
        else:
            _settle(awaited, task.result())
        self._settled()


def _settle(awaited: Outcome, outcome: InterruptOutcome) -> None:
    if not awaited.done():
        awaited.set_result(outcome)


def is_ok(content: bytes) -> bool:
    """Whether the content of a reply says that what was asked is done."""
    try:
        return msgspec.json.decode(content, type=_Reply).status == "ok"
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
