"""A spawner whose zygotes do as they are told, for what real ones do only by bad luck."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from kernelyard.agent.spawner.spawner import (
    AheadJob,
    Job,
    NoZygote,
    Spawned,
    ZygoteJob,
    ZygoteReport,
)

_PIDS = 4_000_000
"""From here on there are no processes of these ids."""


class ScriptedSpawner:
    """Has zygotes without processes; they are ready at once unless told otherwise."""

    def __init__(self) -> None:
        self.zygotes: dict[str, ZygoteReport] = {}
        self.there: set[str] = set()
        self.started: list[ZygoteJob] = []
        self.ended: list[str] = []
        self.ahead: list[AheadJob] = []
        self.forgotten: list[str] = []
        """Zygotes whose kernel that was forked ahead was to be ended."""
        self.on_zygote: Callable[[ZygoteReport], None] | None = None
        self.boot: Callable[[ZygoteJob], ZygoteReport | None] = self.ready
        """What a zygote reports after its start; None for one that never does."""
        self.fork_problem: Exception | None = None
        self.files: tuple[str, ...] = ()
        self._pid = _PIDS

    def ready(self, job: ZygoteJob) -> ZygoteReport:
        told = {"near": [], "files": list(self.files)}
        job.sources.write_text(json.dumps(told))
        return ZygoteReport(name=job.name, state="ready", pid=self._pid, modules=9)

    def unfit(self, job: ZygoteJob, reason: str) -> ZygoteReport:
        return ZygoteReport(name=job.name, state="unfit", pid=self._pid, reason=reason)

    async def start_zygote(self, job: ZygoteJob) -> Spawned:
        self._pid += 1
        self.started.append(job)
        self.there.add(job.name)
        self.zygotes[job.name] = ZygoteReport(name=job.name, state="booting", pid=self._pid)
        if (report := self.boot(job)) is not None:
            asyncio.get_running_loop().call_soon(self.tell, report)
        return self._spawned()

    async def end_zygote(self, name: str) -> None:
        self.ended.append(name)
        known = self.zygotes.get(name)
        if known is not None and name in self.there:
            report = ZygoteReport(name=name, state="ended", pid=known.pid)
            asyncio.get_running_loop().call_soon(self.tell, report)

    async def fork(
        self,
        name: str,
        job: Job,
        connection_file: Path,
        undo: Callable[[], object] = lambda: None,
        seconds: float = 5.0,
        ahead: str = "",
    ) -> Spawned:
        del job, connection_file, undo, seconds, ahead
        if self.fork_problem is not None:
            raise self.fork_problem
        known = self.zygotes.get(name)
        if known is None or known.state != "ready":
            raise NoZygote("there is no such zygote")
        self._pid += 1
        return self._spawned()

    def think_ahead(self, job: AheadJob) -> None:
        """Have a kernel forked ahead that waits at once."""
        self._pid += 1
        self.ahead.append(job)
        known = self.zygotes[job.zygote]
        told = replace(known, ahead=job.token, ahead_pid=self._pid)
        asyncio.get_running_loop().call_soon(self.tell, told)

    def forget_ahead(self, name: str) -> None:
        self.forgotten.append(name)
        known = replace(self.zygotes[name], ahead="", ahead_pid=None)
        asyncio.get_running_loop().call_soon(self.tell, known)

    def die(self, name: str, reason: str = "it was ended by SIGKILL") -> None:
        """Let a zygote end of which nobody wanted that."""
        known = self.zygotes[name]
        self.tell(ZygoteReport(name=name, state="ended", pid=known.pid, reason=reason))

    def tell(self, report: ZygoteReport) -> None:
        if report.state in ("ended", "unfit"):
            self.there.discard(report.name)
        self.zygotes[report.name] = report
        if self.on_zygote is not None:
            self.on_zygote(report)

    def _spawned(self) -> Spawned:
        return Spawned(self._pid, None, asyncio.get_running_loop().create_future())
