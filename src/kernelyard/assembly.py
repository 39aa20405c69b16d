"""The one place that wires: settings and plugins in, a yard and its application out."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import cast

import structlog

from kernelyard.clock import SystemClock
from kernelyard.doors._asgi.app import Application, build_app
from kernelyard.doors._asgi.door import Door
from kernelyard.doors._asgi.settings import AppSettings
from kernelyard.identity_settings import listed
from kernelyard.links.unix import UnixLinks
from kernelyard.model.errors import Invalid
from kernelyard.model.pools import declared_pools
from kernelyard.plugins import PluginMissing, find, load
from kernelyard.ports.clock import Clock
from kernelyard.ports.engine import Engine, EngineSetup
from kernelyard.ports.identity import Identity
from kernelyard.ports.stores import Store, StoreSetup, is_for_several_servers
from kernelyard.quota_settings import amounts
from kernelyard.settings import Settings
from kernelyard.stores.memory.bell import LocalBell
from kernelyard.yard.limits import Limits
from kernelyard.yard.yard import Yard

log: structlog.stdlib.BoundLogger = structlog.get_logger("kernelyard.assembly")


@dataclass(frozen=True, slots=True)
class Assembly:
    """A yard at work, with the application that serves it."""

    app: Application
    yard: Yard
    _engine: Engine
    _links: UnixLinks
    _ending: asyncio.Event = field(default_factory=asyncio.Event)

    def hang_up(self) -> None:
        """The server is about to stop: end the streams that are open."""
        self._ending.set()
        self.yard.hang_up()

    async def prepare(self) -> None:
        """Make ready, beside the requests that come, what was not needed to listen."""
        await asyncio.to_thread(self.app.prepare, lambda: not self._ending.is_set())

    async def live_kernels(self) -> int:
        """How many kernels are live."""
        return await self.yard.live_kernels()

    async def stop_kernels(self) -> None:
        """End every kernel and the agents themselves; nothing is kept ready any more."""
        self.hang_up()
        for address in await self._engine.observe():
            await self._links.open(address).quit(stop_kernels=True)


@asynccontextmanager
async def assemble(settings: Settings) -> AsyncIterator[Assembly]:
    """Open a store, an engine and the doors that ``settings`` name, and look after the kernels.

    Raises PluginMissing, Invalid, and what opening the store raises.
    """
    engine = _engine(settings)
    store = await _store(settings)
    links = UnixLinks()
    clock = SystemClock()
    identity = await _identity(settings, clock)
    try:
        yard = Yard(
            store=store,
            engine=engine,
            links=links,
            bell=store.bell(LocalBell()),
            clock=clock,
            limits=_limits(settings),
            admin_token=settings.admin_token.get_secret_value() if settings.admin_token else None,
        )
        if identity is not None:
            yard.access.trust(identity)
        app = build_app(yard, _app_settings(settings), _doors())
        declared = declared_pools(settings.pools)
        async with yard:
            await yard.pool_keeping.declare(declared)
            yield Assembly(app, yard, engine, links)
    finally:
        if identity is not None:
            await identity.aclose()
        await links.aclose()
        await store.aclose()


def is_for_several(settings: Settings) -> bool:
    """Whether several servers may use one data directory with these settings.

    Raises PluginMissing.
    """
    return is_for_several_servers(load("kernelyard.stores", settings.store))


def _engine(settings: Settings) -> Engine:
    make = cast("Callable[[EngineSetup], Engine]", load("kernelyard.engines", settings.engine))
    return make(
        EngineSetup(
            data_dir=settings.data_dir,
            idle_exit_seconds=settings.agent_idle_exit,
            log_json=settings.log_json,
            image_refresh_seconds=settings.image_refresh,
            allow_insecure_parameters=settings.allow_insecure_parameters,
            providers=settings.providers,
            quirks_file=settings.quirks_file,
            zygotes=settings.zygotes,
            zygote_ahead=settings.zygote_ahead,
            zygote_age_seconds=settings.zygote_age_seconds,
            zygote_boot_seconds=settings.zygote_boot_seconds,
        )
    )


async def _store(settings: Settings) -> Store:
    opener = load("kernelyard.stores", settings.store)
    open_store = cast("Callable[[StoreSetup], Awaitable[Store]]", opener)
    return await open_store(StoreSetup(data_dir=settings.data_dir, url=_store_url(settings)))


def _store_url(settings: Settings) -> str | None:
    """The address of the store's database. Raises Invalid if its file cannot be read."""
    if settings.store_url is not None:
        return settings.store_url.get_secret_value()
    file = settings.store_url_file
    if file is None:
        return None
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise Invalid(
            f"The store's URL cannot be read from {file}: {reason}. Correct --store-url-file.",
            field="store_url_file",
        ) from error


async def _identity(settings: Settings, clock: Clock) -> Identity | None:
    """What knows the tokens of the identity provider, if there is one. Only then is it loaded."""
    if settings.oidc_issuer is None:
        return None
    oidc = await asyncio.to_thread(importlib.import_module, "kernelyard.identities.oidc")
    setup = oidc.OidcSetup(
        issuer=settings.oidc_issuer,
        audience=settings.oidc_audience,
        user_claim=settings.oidc_user_claim,
        role_claim=settings.oidc_role_claim or None,
        admin_values=frozenset(listed(settings.oidc_admin_values)),
        algorithms=frozenset(listed(settings.oidc_algorithms)),
        leeway_seconds=round(settings.oidc_leeway),
    )
    return cast("Identity", oidc.OidcIdentity(setup, clock))


def _doors() -> list[Door]:
    doors: list[Door] = []
    for plugin in find("kernelyard.doors"):
        if isinstance(plugin.loaded, Door):
            doors.append(plugin.loaded)
        else:
            log.error("door.broken", door=plugin.name, problem=plugin.problem or "it is no Door")
    if not doors:
        raise PluginMissing("No door can be loaded. Install kernelyard again.")
    return doors


def _limits(settings: Settings) -> Limits:
    return Limits(
        task_output_bytes=settings.task_output_limit,
        kernel_start_seconds=settings.kernel_start_timeout,
        kernel_log_bytes=settings.kernel_log_limit,
        keep_outputs_seconds=settings.keep_outputs,
        keep_outputs_bytes=settings.keep_outputs_bytes,
        keep_kernels_seconds=settings.keep_kernels,
        keep_audit_seconds=settings.keep_audit,
        max_kernels=settings.max_kernels,
        server=amounts(settings, "max_"),
        each=amounts(settings, "user_max_"),
        max_waiting_kernels=settings.max_waiting_kernels,
        user_max_waiting_kernels=settings.user_max_waiting_kernels,
        user_pool_kernels=settings.user_pool_kernels,
        largest_page=settings.max_output_page,
        external_dir=settings.external_connection_dir,
    )


def _app_settings(settings: Settings) -> AppSettings:
    return AppSettings(
        version=version("kernelyard"),
        base_url=settings.base_url,
        public_url=settings.public_url,
        body_limit=settings.body_limit,
        websocket_origins=tuple(settings.websocket_origins.replace(",", " ").split()),
        largest_page=settings.max_output_page,
    )
