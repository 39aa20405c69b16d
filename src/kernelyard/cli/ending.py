"""Ending processes that may not want to: asked first, signalled by recorded identity if need be."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from kernelyard.agent.places import (
    agent_dir,
    kernel_dir,
    runtime_path,
    socket_path,
    spawner_path,
    sweep_ipc,
)
from kernelyard.agent.spawner.spawner import end_spawner
from kernelyard.cli.complaints import Complaint
from kernelyard.links.unix import UnixLink
from kernelyard.model.errors import AgentUnavailable, YardError
from kernelyard.providers.process_identity import boot_id, start_time_of

STOPPED = "everything here was stopped"
_SAY_SECONDS = 10.0
"""An agent that has just been started may take so long until it tells its pid."""
_AGENT_SECONDS = 30.0
_KERNEL_SECONDS = 3.0
_TICK = 0.05


def end_process(pid: int, *, patience: float) -> bool:
    """Send SIGTERM, and SIGKILL when patience is over; return whether it is gone."""
    started = start_time_of(pid)
    for signum in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.kill(pid, signum)
        except ProcessLookupError:
            return True
        except PermissionError as error:
            raise Complaint(f"process {pid} belongs to another user; ask them to end it") from error
        if _wait(lambda: start_time_of(pid) != started, patience):
            return True
    return False


def stop_kernels(data_dir: Path) -> int:
    """Stop the agent's kernels while a server still hears how they end; return how many were ours.

    What somebody else has started is let go of. An agent that cannot be asked is left to ``end_agent``.
    """
    return asyncio.run(_stop_kernels(data_dir)) if _agent_lives(data_dir) else 0


async def _stop_kernels(data_dir: Path) -> int:
    said = _agent_says(data_dir)
    if said is None:
        return 0
    link = UnixLink(said[1])
    try:
        stopping = (await link.hello()).kernels
        for kernel_id in stopping:
            await link.stop(kernel_id, STOPPED)
        async with asyncio.timeout(_AGENT_SECONDS):
            while set(stopping) & set((await link.hello()).kernels):  # noqa: ASYNC110 - we must ask
                await asyncio.sleep(_TICK)
    except (YardError, TimeoutError):
        return 0
    finally:
        link.close()
    return sum(_is_ours(data_dir, kernel_id) for kernel_id in stopping)


def _is_ours(data_dir: Path, kernel_id: str) -> bool:
    """Whether a kernel was started here, and not attached."""
    try:
        order = json.loads((kernel_dir(data_dir, kernel_id) / "order.json").read_bytes())
    except (OSError, ValueError):
        return True
    return not isinstance(order, dict) or bool(order.get("owned", True))


def end_agent(data_dir: Path) -> tuple[int | None, int]:
    """End the agent with its kernels; return its pid and how many kernels it had."""
    if not _agent_lives(data_dir):
        return None, 0
    return asyncio.run(_end_agent(data_dir))


async def end_agent_within(data_dir: Path) -> tuple[int | None, int]:
    """The same for callers that are in an event loop already; blocks it, for seconds at most."""
    return await _end_agent(data_dir) if _agent_lives(data_dir) else (None, 0)


async def _end_agent(data_dir: Path) -> tuple[int | None, int]:
    said = _agent_says(data_dir)
    if said is None:
        return None, 0
    pid, socket = said
    try:
        kernels = await _ask_to_quit(data_dir, socket)
    except YardError:
        kernels = 0
    if not _wait(lambda: start_time_of(pid) is None, _AGENT_SECONDS if kernels else 5.0) and (
        not end_process(pid, patience=3.0)
    ):
        raise Complaint(f"the agent (pid {pid}) of {data_dir} does not end: look at its log")
    return pid, kernels


def end_kernels(data_dir: Path) -> int:
    """End kernels that no agent looks after any more, and who has started them; return how many."""
    left = [
        recorded
        for path in (agent_dir(data_dir) / "kernels").glob("*/process.json")
        if (recorded := _live_process(path)) is not None
    ]
    for signum in (signal.SIGTERM, signal.SIGKILL):
        for pid, started in left:
            if start_time_of(pid) == started:
                _signal_group(pid, signum)
        if _wait(lambda: all(start_time_of(pid) != one for pid, one in left), _KERNEL_SECONDS):
            break
    end_spawner(data_dir)
    return len(left)


def remove_remains(data_dir: Path) -> None:
    """Remove what was left by an agent and kernels that were killed; nothing where an agent lives."""
    home = agent_dir(data_dir)
    try:
        lock = os.open(home / "agent.lock", os.O_RDWR)
    except OSError:
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        dead = [place for place in (home / "kernels").glob("*") if not _may_live(place)]
        for place in dead:
            for file in (*place.glob("connection-*.json"), place / "bridge.json"):
                file.unlink(missing_ok=True)
        living = {place.name for place in (home / "kernels").glob("*")} - {one.name for one in dead}
        sweep_ipc(data_dir, living)
        sockets = (socket_path(data_dir, make=False), spawner_path(data_dir, make=False))
        for file in (*sockets, home / "agent.json"):
            file.unlink(missing_ok=True)
        runtime_path(data_dir).rmdir()
    except (OSError, AgentUnavailable):
        return
    finally:
        os.close(lock)


async def _ask_to_quit(data_dir: Path, socket: str) -> int:
    link = UnixLink(socket)
    try:
        kernels = (await link.hello()).kernels
        await link.quit(stop_kernels=True)
    finally:
        link.close()
    return sum(_is_ours(data_dir, kernel_id) for kernel_id in kernels)


def _agent_lives(data_dir: Path) -> bool:
    try:
        descriptor = os.open(agent_dir(data_dir) / "agent.lock", os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(descriptor)


def _agent_says(data_dir: Path) -> tuple[int, str] | None:
    """Pid and socket of the agent; None if it was just ending, and has ended meanwhile."""
    path = agent_dir(data_dir) / "agent.json"
    found: list[tuple[int, str]] = []

    def read() -> bool:
        try:
            said = json.loads(path.read_bytes())
            found.append((int(said["pid"]), str(said["socket"])))
        except (OSError, ValueError, KeyError, TypeError):
            return False
        return True

    _wait(lambda: read() or not _agent_lives(data_dir), _SAY_SECONDS)
    if not found and _agent_lives(data_dir):
        raise Complaint(f"an agent runs on {data_dir} and {path} does not tell its pid")
    return found[0] if found else None


def _live_process(path: Path) -> tuple[int, int] | None:
    """Pid and start time of a kernel's process, if the very same process is still there."""
    try:
        said = json.loads(path.read_bytes())
        pid, started, boot = int(said["pid"]), int(said["start_time"]), said["boot_id"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return (pid, started) if boot == boot_id() and start_time_of(pid) == started else None


def _may_live(place: Path) -> bool:
    """Whether a kernel may go on: its very process does, or it has none on this machine."""
    try:
        elsewhere = json.loads((place / "process.json").read_bytes())["pid"] is None
    except (OSError, ValueError, KeyError, TypeError):
        return False
    ended = (place / "ended.json").exists()
    return not ended and (elsewhere or _live_process(place / "process.json") is not None)


def _signal_group(pid: int, signum: int) -> None:
    try:
        os.killpg(pid, signum)
    except (ProcessLookupError, PermissionError):
        pass


def _wait(done: Callable[[], bool], seconds: float) -> bool:
    until = time.monotonic() + seconds
    while not done():
        if time.monotonic() >= until:
            return False
        time.sleep(_TICK)
    return True
