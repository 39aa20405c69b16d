"""The local engine: finds the agent of a data directory, or starts it, detached from the server."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import sys
from pathlib import Path

from kernelyard.engines.local.probe import answers
from kernelyard.engines.local.provider_settings import hand_over
from kernelyard.model.errors import AgentUnavailable
from kernelyard.ports.engine import AgentAddress, Engine, EngineSetup

START_SECONDS = 30.0
_LOOK_SECONDS = 0.02
_TAIL_BYTES = 2000
_LOCK_OF_CHILD = 3
_SECRETS = ("KERNELYARD_ADMIN_TOKEN", "KERNELYARD_STORE_URL", "KERNELYARD_TOKEN")


class LocalEngine(Engine):
    """One agent per data directory. It is a session of its own, so it outlives the server."""

    def __init__(self, setup: EngineSetup) -> None:
        self._setup = setup
        self._home = setup.data_dir / "agent"
        self._child: int | None = None

    async def place(self) -> AgentAddress:
        """Return the address of the running agent, starting one if there is none."""
        self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(OSError):  # a full disk hides no agent; at the next call again
            hand_over(self._setup.providers, self._home / "providers.json")
        deadline = asyncio.get_running_loop().time() + START_SECONDS
        started = False
        while True:
            for address in await self.observe():
                return address
            # Tried in every turn: an agent that is just ending holds its lock until it has ended.
            if self._reap() and (lock := self._lock()) is not None:
                try:
                    if started:
                        raise AgentUnavailable(
                            f"The agent could not be started: {self._last_words()}"
                        )
                    self._child = self._spawn(lock)
                    started = True
                finally:
                    os.close(lock)
            if asyncio.get_running_loop().time() >= deadline:
                break
            await asyncio.sleep(_LOOK_SECONDS)
        raise AgentUnavailable(
            f"The agent did not answer within {START_SECONDS:.0f} s. Its log is {self._log}."
        )

    async def observe(self) -> list[AgentAddress]:
        """Return the agent's address if it answers."""
        try:
            socket = json.loads((self._home / "agent.json").read_bytes())["socket"]
        except (OSError, ValueError, KeyError, TypeError):
            return []
        return [AgentAddress("unix", socket)] if await answers(str(socket)) else []

    @property
    def _log(self) -> Path:
        return self._home / "agent.log"

    def _lock(self) -> int | None:
        """Take the lock that an agent keeps for life, to hand it on; None if an agent has it."""
        descriptor = os.open(
            self._home / "agent.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
        )
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return descriptor

    def _spawn(self, lock: int) -> int:
        """Start an agent that holds ``lock`` from its first moment, so that whoever ends it finds it."""
        # Of one that was killed, and nobody is to take it for what is told of the new one.
        (self._home / "agent.json").unlink(missing_ok=True)
        setup = self._setup
        argv = [sys.executable, "-m", "kernelyard.agent", "--data-dir", str(setup.data_dir)]
        argv += ["--lock-descriptor", str(_LOCK_OF_CHILD)]
        argv += ["--idle-exit-seconds", str(setup.idle_exit_seconds)]
        argv += ["--image-refresh-seconds", str(setup.image_refresh_seconds)]
        argv += ["--zygotes", str(setup.zygotes)]
        argv += ["--zygote-ahead", str(setup.zygote_ahead)]
        argv += ["--zygote-age-seconds", str(setup.zygote_age_seconds)]
        argv += ["--zygote-boot-seconds", str(setup.zygote_boot_seconds)]
        if setup.allow_insecure_parameters:
            argv.append("--allow-insecure-parameters")
        if setup.quirks_file is not None:
            argv += ["--quirks-file", str(setup.quirks_file)]
        if setup.log_json:
            argv.append("--log-json")
        append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        # posix_spawn, not Popen: nothing here outlives this call, and the child leads its own session.
        return os.posix_spawn(
            sys.executable,
            argv,
            {k: v for k, v in os.environ.items() if k not in _SECRETS},
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, str(self._log), append, 0o600),
                (os.POSIX_SPAWN_DUP2, 1, 2),
                (os.POSIX_SPAWN_DUP2, lock, _LOCK_OF_CHILD),
            ],
            setsid=True,
        )

    def _reap(self) -> bool:
        """Collect the child if it has ended; return whether there is none any more."""
        if self._child is None:
            return True
        with contextlib.suppress(ChildProcessError):
            pid, _ = os.waitpid(self._child, os.WNOHANG)
            if pid == 0:
                return False
        self._child = None
        return True

    def _last_words(self) -> str:
        try:
            text = self._log.read_bytes()[-_TAIL_BYTES:].decode(errors="replace").strip()
        except OSError:
            text = ""
        last = text.splitlines()[-1] if text else "it said nothing"
        return f"{last} (its log is {self._log})"
