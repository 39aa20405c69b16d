"""The agent as a process: it takes up what was left, serves, and ends when it is not needed."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
from dataclasses import dataclass
from pathlib import Path

import msgspec
import zmq

from kernelyard.agent.belongings import ProcessTable
from kernelyard.agent.cgroups import Groups
from kernelyard.agent.enclosures import Enclosures
from kernelyard.agent.journal import wall_clock
from kernelyard.agent.launch.surroundings import Surroundings
from kernelyard.agent.left_groups import clear_up
from kernelyard.agent.limits import Limits
from kernelyard.agent.lock import hold_lock
from kernelyard.agent.log_keeping import LogKeeper
from kernelyard.agent.logs import Log
from kernelyard.agent.places import (
    agent_dir,
    runtime_dir,
    runtime_name,
    socket_path,
    write_private,
)
from kernelyard.agent.registry import Registry
from kernelyard.agent.rendezvous.experience import Experience
from kernelyard.agent.rendezvous.registrar import Registrar
from kernelyard.agent.rendezvous.ways import Ways
from kernelyard.agent.server import Server
from kernelyard.agent.spawner.spawner import Spawner
from kernelyard.agent.standing_by import StandingBy
from kernelyard.agent.standstill import Standstill
from kernelyard.agent.waiting import happens
from kernelyard.agent.zygote.keeper import ZygoteSettings
from kernelyard.agent.zygote.zygotes import Zygotes
from kernelyard.model.errors import AgentUnavailable
from kernelyard.model.quantities import Micros
from kernelyard.providers.catalogue import Catalogue
from kernelyard.providers.quirk_book import QuirkBook, default_file
from kernelyard.providers.refreshing import Refreshing
from kernelyard.providers.settings import ProviderSettings

TICK_SECONDS = 5.0
WANTED_FILES = 65_536


class AgentFile(msgspec.Struct, frozen=True):
    """How others find the agent. The file's time says when the agent last listened to kernels."""

    pid: int
    socket: str
    started_at: int
    version: str


@dataclass(frozen=True, slots=True)
class AgentSettings:
    """What an agent is told at its start."""

    data_dir: Path
    idle_exit_seconds: float = 300.0
    image_refresh_seconds: float = 60.0
    zygotes: int = 4
    """How many processes are kept to fork kernels from; 0 starts each kernel as a new program."""
    zygote_ahead: int = 1
    """How many kernels each of them forks before anybody asks for them: one, or none."""
    zygote_age_seconds: float = 86_400.0
    """How old such a process may become before it is replaced."""
    zygote_boot_seconds: float = 60.0
    """How long such a process may take to be ready."""
    allow_insecure_parameters: bool = False
    providers_file: Path | None = None
    """Where the settings of providers are, and are looked at again when they change; the one that an
    engine writes in the agent's own directory unless given."""

    quirks_file: Path | None = None
    """What the user knows of kernels; ``quirks.toml`` in the data directory unless given."""

    lock_descriptor: int | None = None
    """By which ``agent.lock`` was locked for this process before it began."""

    @property
    def zygote_settings(self) -> ZygoteSettings:
        return ZygoteSettings(
            most=self.zygotes,
            age_seconds=self.zygote_age_seconds,
            boot_seconds=self.zygote_boot_seconds,
            ahead=self.zygote_ahead,
        )

    @property
    def provider_settings(self) -> ProviderSettings:
        own = agent_dir(self.data_dir) / "providers.json"
        return ProviderSettings(self.providers_file or own)


async def run_agent(settings: AgentSettings, log: Log) -> None:
    """Serve until asked to end, told by SIGTERM, or idle for long. Raises AlreadyRunning."""
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    home = agent_dir(settings.data_dir)
    home.mkdir(mode=0o700, exist_ok=True)
    lock = hold_lock(home / "agent.lock", settings.lock_descriptor)
    try:
        await _Agent(settings, home / "agent.json", log).run()
    finally:
        os.close(lock)


class _Agent:
    def __init__(self, settings: AgentSettings, file: Path, log: Log) -> None:
        self._settings = settings
        self._file = file
        self._log = log
        self._idle_since: float | None = None
        self._announced = False

    async def run(self) -> None:
        allow_many_files()
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        context.max_sockets = int(context.get(zmq.SOCKET_LIMIT))
        # Its threads begin with its first socket; where none can be begun, libzmq ends the whole process.
        context.socket(zmq.PAIR).close()
        catalogue = Catalogue(
            settings=self._settings.provider_settings,
            allow_insecure_parameters=self._settings.allow_insecure_parameters,
        )
        registrar = Registrar(context, self._log)
        name = runtime_name(self._settings.data_dir)
        limits = Limits(Groups.find(name), self._log, Enclosures.find(name))
        standstill = Standstill()
        spawner = Spawner(self._settings.data_dir, self._log)
        zygotes = self._zygotes(spawner, catalogue, limits)
        await spawner.open()
        surroundings = Surroundings(
            data_dir=self._settings.data_dir,
            catalogue=catalogue,
            quirks=self._quirks(),
            ways=Ways(registrar, Experience(self._file.with_name("meetings.json"), self._log)),
            context=context,
            limits=limits,
            table=ProcessTable(),
            spawner=spawner,
            keeper=zygotes.keeper,
            standstill=standstill,
            log=self._log,
        )
        registry = Registry(surroundings)
        standstill.tell = registry.stood_still
        server = Server(registry, catalogue, zygotes.keeper, self._log)
        await registry.recover(self._last_heartbeat())
        place = socket_path(self._settings.data_dir)
        place.unlink(missing_ok=True)
        await server.listen(place)
        self._announce(server.version)
        self._watch_signals(server)
        keeping = asyncio.create_task(LogKeeper(registry.bounded_logs, self._log).run())
        refreshing = asyncio.create_task(self._refreshing(catalogue).run())
        standing_by = StandingBy(lambda: registry.waiting, self._settings.data_dir, self._log)
        looking = asyncio.create_task(standing_by.run())
        clearing = asyncio.create_task(clear_up(limits.places(self._settings.data_dir)))
        zygotes.begin()
        try:
            with standstill:
                await self._serve(registry, server)
        finally:
            for one in (keeping, refreshing, looking, clearing):
                one.cancel()
            await zygotes.leave(end=not registry.live)
            await server.close()
            await registry.leave_all()
            registry.deposits.close()
            await spawner.close(end=not registry.live)
            self._withdraw(place, registry)
            limits.close()
            registrar.close()
            context.destroy(linger=0)

    def _zygotes(self, spawner: Spawner, catalogue: Catalogue, limits: Limits) -> Zygotes:
        settings = self._settings
        return Zygotes.of(
            settings.data_dir,
            settings.zygote_settings,
            spawner,
            catalogue,
            self._log,
            groups=limits,
        )

    def _quirks(self) -> QuirkBook:
        def warn(problem: str) -> None:
            self._log.warning("quirks.wrong", problem=problem)

        given = self._settings.quirks_file
        book = QuirkBook(given or default_file(self._settings.data_dir), warn)
        if given is not None and not given.exists():
            warn(f"There is no file of quirks {given}. Make it, or correct --quirks-file.")
        book.look()
        return book

    def _refreshing(self, catalogue: Catalogue) -> Refreshing:
        def warn(problem: str) -> None:
            self._log.warning("images.not_watched", problem=problem)

        return Refreshing(catalogue, self._settings.image_refresh_seconds, warn=warn)

    async def _serve(self, registry: Registry, server: Server) -> None:
        limit = self._settings.idle_exit_seconds
        tick = min(TICK_SECONDS, max(0.1, limit / 4))
        while not await happens(server.quitting, tick):
            if not self._announced:
                self._announce(server.version)
            self._listened(registry)
            if self._idle_for(registry, server) >= limit:
                self._log.info("agent.idle")
                return

    def _idle_for(self, registry: Registry, server: Server) -> float:
        if registry.live or server.connections:
            self._idle_since = None
            return 0
        now = asyncio.get_running_loop().time()
        if self._idle_since is None:
            self._idle_since = now
        return now - self._idle_since

    def _listened(self, registry: Registry) -> None:
        """Leave word that until now all was heard and kept; not while some of it waits for space."""
        if registry.live and not registry.waits_for_space:
            try:
                os.utime(self._file)
            except FileNotFoundError:
                pass

    def _withdraw(self, place: Path, registry: Registry) -> None:
        place.unlink(missing_ok=True)
        if registry.live:
            self._listened(registry)
        else:
            self._file.unlink(missing_ok=True)
            remove_runtime_dir(self._settings.data_dir)
        self._log.info("agent.ended", kernels_left=len(registry.live))

    def _announce(self, version: str) -> None:
        """Tell others where to find the agent; on a full disk, again and again until it is told."""
        place = socket_path(self._settings.data_dir)
        described = AgentFile(os.getpid(), str(place), wall_clock(), version)
        try:
            write_private(self._file, msgspec.json.encode(described))
        except OSError as error:
            self._log.warning("agent.not_announced", problem=str(error))
            return
        self._announced = True
        self._log.info("agent.listening", socket=str(place), pid=os.getpid())

    def _last_heartbeat(self) -> Micros:
        try:
            return self._file.stat().st_mtime_ns // 1000
        except FileNotFoundError:
            return 0

    def _watch_signals(self, server: Server) -> None:
        loop = asyncio.get_running_loop()
        for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(signum, server.quitting.set)


def remove_runtime_dir(data_dir: Path) -> None:
    """Remove the directory for sockets if nothing is in it."""
    try:
        runtime_dir(data_dir).rmdir()
    except (OSError, AgentUnavailable):
        pass


def allow_many_files() -> None:
    """Raise the limit of open files as far as we may: every kernel needs about ten."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED_FILES if hard == resource.RLIM_INFINITY else min(hard, WANTED_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
