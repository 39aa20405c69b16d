"""Starting and ending the processes of zygotes, and hearing what becomes of them."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import time
from pathlib import Path
from typing import Protocol

import msgspec

from kernelyard.agent.journal import wall_clock
from kernelyard.agent.logs import Log
from kernelyard.agent.places import write_private
from kernelyard.agent.spawner.spawner import Job, Spawned, ZygoteJob, ZygoteReport
from kernelyard.agent.spawner.zygotes import ZYGOTE_PROGRAM
from kernelyard.agent.zygote import priority
from kernelyard.agent.zygote.fingerprint import Fingerprint
from kernelyard.agent.zygote.kept import Kept
from kernelyard.agent.zygote.own_code import own_code
from kernelyard.agent.zygote.sources import sources_of
from kernelyard.agent.zygote.zygote import Zygote

END_SECONDS = 10.0
"""For a zygote to be gone once it was told to end."""
MOST_ANEW = 2
"""How often one is started anew at once because its environment changed while it was starting."""
_LONGEST_REASON = 500


class Spawns(Protocol):
    """What is needed of the spawner."""

    @property
    def zygotes(self) -> dict[str, ZygoteReport]: ...
    async def start_zygote(self, job: ZygoteJob) -> Spawned: ...
    async def end_zygote(self, name: str) -> None: ...
    async def fork(
        self, name: str, job: Job, connection_file: Path, *, seconds: float, ahead: str
    ) -> Spawned: ...


class Nursery:
    """Has the processes started and ended. One zygote is not started by two tasks at a time."""

    def __init__(self, home: Path, spawner: Spawns, boot_seconds: float, log: Log) -> None:
        """``home`` is where logs and what is known of zygotes lie; it is made when it is needed."""
        self._home = home
        self._spawner = spawner
        self._boot_seconds = boot_seconds
        self._log = log
        self._booting: dict[str, asyncio.Queue[ZygoteReport]] = {}
        self._leaving: dict[str, asyncio.Event] = {}

    def take_report(self, report: ZygoteReport) -> bool:
        """Hand a report to whoever waits for it; return whether somebody did."""
        if (leaving := self._leaving.get(report.name)) is not None:
            if report.state in ("ended", "unfit"):
                leaving.set()
            return True
        if (booting := self._booting.get(report.name)) is not None:
            booting.put_nowait(report)
            return True
        return False

    async def boot(self, zygote: Zygote) -> None:
        """Start it and wait until it is ready, or known to be unfit: its state tells."""
        for anew in range(1 + MOST_ANEW):
            begun = time.time()
            report = await self._booted(zygote)
            if report is None:
                return
            fingerprint = await asyncio.to_thread(self._fingerprint, zygote)
            changed = fingerprint.changed_since(begun)
            if not changed or anew == MOST_ANEW:
                zygote.is_ready(report.modules, fingerprint)
                await asyncio.to_thread(self._keep, zygote)
                self._log.info("zygote.ready", zygote=zygote.name, seconds=time.time() - begun)
                return
            self._log.info("zygote.anew", zygote=zygote.name, changed=changed)
            zygote.is_stale("its environment changed while it was prepared")
            await self.end(zygote)

    async def end(self, zygote: Zygote) -> None:
        """End the process that is used no more, and see that it is gone."""
        self._file(zygote.name).unlink(missing_ok=True)
        self._log.info("zygote.ending", zygote=zygote.name, reason=zygote.reason)
        await self.put_away(zygote.name)
        zygote.is_gone()

    async def put_away(self, name: str) -> None:
        """End a process that the spawner knows by a name, and wait until it is gone."""
        gone = self._leaving.setdefault(name, asyncio.Event())
        try:
            await self._spawner.end_zygote(name)
            found = self._spawner.zygotes.get(name)
            if found is not None and found.state in ("booting", "ready"):
                async with asyncio.timeout(END_SECONDS):
                    await gone.wait()
        except (OSError, TimeoutError) as error:
            self._log.warning("zygote.not_ended", zygote=name, problem=str(error))
        finally:
            self._leaving.pop(name, None)

    def found(self, name: str) -> Kept | None:
        """What an earlier agent has kept of one."""
        try:
            return msgspec.json.decode(self._file(name).read_bytes(), type=Kept)
        except (OSError, msgspec.DecodeError):
            return None

    def sweep(self, names: set[str]) -> None:
        """Remove what is left of all but these."""
        if not self._home.is_dir():
            return
        for path in self._home.iterdir():
            if path.name.partition(".")[0] not in names and path.name != "lately.json":
                _remove(path)

    async def _booted(self, zygote: Zygote) -> ZygoteReport | None:
        """Its report that it is ready; None if it is not, which its state tells."""
        assert zygote.wanted is not None  # noqa: S101 - nothing else is started
        zygote.state, zygote.reason = "booting", "it is being prepared"
        zygote.started_at = wall_clock()
        reports = self._booting[zygote.name] = asyncio.Queue()
        limit = self._boot_seconds
        try:
            async with asyncio.timeout(limit):
                spawned = await self._spawner.start_zygote(self._job(zygote))
                zygote.pid = spawned.pid
                priority.lower(spawned.pid)
                report = await _settled(reports)
            if report.state == "ready":
                priority.restore(spawned.pid)
                return report
            self._failed(zygote, report.reason or "its process ended while it was prepared")
            zygote.is_gone()
        except TimeoutError:
            await self._given_up(zygote, f"it was not ready within {limit:g} s")
        except OSError as error:
            await self._given_up(zygote, f"it could not be started: {error.strerror or error}")
        except asyncio.CancelledError:
            zygote.is_stale("it is being prepared")
            raise
        finally:
            self._booting.pop(zygote.name, None)
        return None

    async def _given_up(self, zygote: Zygote, reason: str) -> None:
        self._failed(zygote, reason)
        self._booting.pop(zygote.name, None)
        await self.end(zygote)

    def _failed(self, zygote: Zygote, reason: str) -> None:
        zygote.failures += 1
        zygote.failed(reason[:_LONGEST_REASON])
        self._log.warning("zygote.unfit", zygote=zygote.name, reason=zygote.reason)

    def _job(self, zygote: Zygote) -> ZygoteJob:
        wanted = zygote.wanted
        assert wanted is not None  # noqa: S101 - nothing else is started
        self._home.mkdir(mode=0o700, exist_ok=True)
        log = self._home / f"{zygote.name}.log"
        log.unlink(missing_ok=True)
        _remove(self._sources(zygote.name).with_suffix(".trial"))
        return ZygoteJob(
            name=zygote.name,
            job=Job(
                argv=[*wanted.python, str(ZYGOTE_PROGRAM), *wanted.arguments],
                env=wanted.env,
                cwd=Path("/"),
                log=log,
                exit_file=self._home / f"{zygote.name}.exit",
            ),
            preload=wanted.recipe.preload,
            sources=self._sources(zygote.name),
        )

    def _fingerprint(self, zygote: Zygote) -> Fingerprint:
        assert zygote.wanted is not None  # noqa: S101 - nothing else is started
        wanted = zygote.wanted
        found = sources_of(self._sources(zygote.name), wanted.python, wanted.env)
        return Fingerprint.taken(found.near, found.files)

    def _keep(self, zygote: Zygote) -> None:
        recipe, fingerprint, pid = zygote.recipe, zygote.fingerprint, zygote.pid
        if recipe is None or fingerprint is None or pid is None:
            return
        kept = Kept(
            recipe=recipe,
            pid=pid,
            started_at=zygote.started_at or 0,
            ready_at=zygote.ready_at or 0,
            modules=zygote.modules,
            fingerprint=fingerprint,
            images=list(zygote.images),
            code=own_code(),
        )
        try:
            write_private(self._file(zygote.name), msgspec.json.encode(kept))
        except OSError as error:
            self._log.warning("zygotes.not_kept", problem=str(error))

    def _sources(self, name: str) -> Path:
        return self._home / f"{name}.sources"

    def _file(self, name: str) -> Path:
        return self._home / f"{name}.json"


def _remove(path: Path) -> None:
    """Remove a file, or the directory of a trial that was broken off."""
    with contextlib.suppress(OSError):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()


async def _settled(reports: asyncio.Queue[ZygoteReport]) -> ZygoteReport:
    """The first report that says how the boot went."""
    while True:
        report = await reports.get()
        if report.state != "booting":
            return report
