"""Engines: where an agent runs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class AgentAddress:
    """Where an agent listens."""

    kind: str
    """``unix``: ``place`` is the path of a unix socket."""
    place: str


class Engine(ABC):
    """Gets an agent started somewhere. Registered under the entry-point group ``kernelyard.engines``.

    A base class, not a Protocol, so that later versions can add methods with defaults.
    """

    @abstractmethod
    async def place(self) -> AgentAddress:
        """Return the address of an agent that answers, starting one if need be.

        Repeatable; calls at the same time give one agent. Raises AgentUnavailable with a reason when
        none can be started.
        """

    @abstractmethod
    async def observe(self) -> list[AgentAddress]:
        """Return the addresses of the agents that run now, without starting any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSetup:
    """What an engine is made with."""

    data_dir: Path
    """Where its agents keep what they must not lose."""
    idle_exit_seconds: float = 300.0
    """How long an agent without kernels and servers stays."""
    log_json: bool = False
    image_refresh_seconds: float = 60.0
    """How often an agent looks at the latest what is installed."""
    allow_insecure_parameters: bool = False
    """Whether launch parameters may be set that may be anything."""
    providers: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """Settings of providers by their names; the engine brings them to its agents, also to those that
    run already, and lets nobody else read them."""
    quirks_file: Path | None = None
    """What is peculiar about kernels, in a file on the agent's machine; ``quirks.toml`` in the data
    directory unless given."""
    zygotes: int = 4
    """Most processes that an agent keeps to fork kernels from."""
    zygote_ahead: int = 1
    """How many kernels each of them forks before anybody asks for them: one, or none."""
    zygote_age_seconds: float = 86_400.0
    zygote_boot_seconds: float = 60.0
