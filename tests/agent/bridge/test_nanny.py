"""What the nanny answers: by whom it was asked, and that kernels of others are left alone."""

from __future__ import annotations

import asyncio
import json

import pytest

from kernelyard.agent.bridge.nanny import CLIENT, Nanny, who
from kernelyard.model.errors import KernelNotRunning
from kernelyard.wire.requests import ClientHeader


class Ward:
    """A kernel that notes what is done to it."""

    def __init__(self, *, owned: bool = True, runs: bool = True) -> None:
        self.alive = runs
        self.owned = owned
        self.done: list[object] = []

    async def interrupt(self, by: str) -> str:
        if not self.alive:
            raise KernelNotRunning
        self.done.append(("interrupt", by))
        return "delivered"

    async def signal(self, number: int, by: str) -> None:
        self.done.append((number, by))

    def stop(self, reason: str) -> None:
        self.done.append(reason)

    def restart(self, reason: str) -> None:
        self.done.append(reason)


def asked(ward: Ward, msg_type: str, **fields: object) -> dict[str, object]:
    header = ClientHeader(msg_type=msg_type, username="ada")
    return asyncio.run(Nanny(ward).answer(header, json.dumps(fields).encode()))


def test_whoever_ends_a_kernel_is_named() -> None:
    ward = Ward()
    assert asked(ward, "shutdown_request", restart=False) == {"status": "ok", "restart": False}
    assert asked(ward, "shutdown_request", restart=True) == {"status": "ok", "restart": True}
    assert asked(ward, "restart_request") == {"status": "ok", "restart": True}
    by = f"{CLIENT} (ada)"
    assert ward.done == [f"terminated by {by}", f"restarted by {by}", f"restarted by {by}"]


@pytest.mark.parametrize(
    ("msg_type", "restart"), [("shutdown_request", False), ("restart_request", True)]
)
def test_kernels_of_others_are_not_ended(msg_type: str, restart: bool) -> None:
    ward = Ward(owned=False)
    answer = asked(ward, msg_type)
    assert (answer["status"], answer["ename"], answer["restart"]) == ("error", "Forbidden", restart)
    assert ward.done == []


@pytest.mark.parametrize("sig", [9, "TERM", "SIGSTOP"])
def test_kernels_of_others_are_not_signalled_but_for_interrupts(sig: int | str) -> None:
    ward = Ward(owned=False)
    answer = asked(ward, "signal_request", sig=sig)
    assert (answer["status"], answer["ename"]) == ("error", "Forbidden")
    assert ward.done == []
    assert asked(ward, "signal_request", sig="INT") == {"status": "ok", "sig": 2}
    assert ward.done == [(2, f"{CLIENT} (ada)")]


def test_signals_and_interrupts_reach_the_kernel() -> None:
    ward = Ward()
    assert asked(ward, "signal_request", sig="TERM") == {"status": "ok", "sig": 15}
    assert asked(ward, "interrupt_request") == {"status": "ok", "outcome": "delivered"}
    assert [one[0] for one in ward.done if isinstance(one, tuple)] == [15, "interrupt"]


def test_what_cannot_be_done_is_said() -> None:
    ward = Ward(runs=False)
    assert asked(ward, "is_alive_request") == {"status": "ok", "alive": False}
    assert asked(ward, "interrupt_request")["ename"] == "KernelNotRunning"
    assert asked(ward, "signal_request")["ename"] == "Invalid"


def test_a_name_that_no_journal_should_hold_is_cleaned() -> None:
    assert who(ClientHeader()) == CLIENT
    assert who(ClientHeader(username="username")) == CLIENT
    assert who(ClientHeader(username="a\nb\x1b[31m" + "x" * 100)) == f"{CLIENT} (ab[31m{'x' * 34})"
