"""What earlier starts on this machine have taught: in which way a kernel that nobody knows was met."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path

import msgspec

from kernelyard.agent.logs import Log
from kernelyard.agent.places import write_private
from kernelyard.providers.provider import LaunchPlan

MOST = 200
_LARGEST_FILE = 1024 * 1024
_ways = msgspec.json.Decoder(dict[str, str])


class Experience:
    """A small file of the agent. It only orders what is tried, so that a wrong entry costs one start."""

    def __init__(self, file: Path, log: Log) -> None:
        self._file = file
        self._log = log
        self._ways = _read(file)

    def of(self, plan: LaunchPlan) -> str | None:
        """Return the way in which the kernel of a plan was met last; None if it never was."""
        return self._ways.get(key_of(plan))

    def learn(self, plan: LaunchPlan, way: str) -> None:
        """Keep in which way a kernel was met. The oldest are forgotten."""
        key = key_of(plan)
        if self._ways.get(key) == way:
            return
        self._ways.pop(key, None)
        self._ways[key] = way
        while len(self._ways) > MOST:
            del self._ways[next(iter(self._ways))]
        try:
            write_private(self._file, msgspec.json.encode(self._ways))
        except OSError as error:
            self._log.warning("experience.not_kept", problem=str(error))


def key_of(plan: LaunchPlan) -> str:
    """A text that changes with the command of a plan, and when its program is installed anew."""
    program = plan.argv[0] if plan.argv else ""
    path = shutil.which(program, path=plan.env.get("PATH")) or program
    try:
        changed = Path(path).stat().st_mtime_ns
    except OSError:
        changed = 0
    told = "\0".join([str(changed), path, *plan.argv])
    return hashlib.sha256(told.encode(errors="surrogateescape")).hexdigest()


def _read(file: Path) -> dict[str, str]:
    try:
        with file.open("rb") as stream:
            found: Mapping[str, str] = _ways.decode(stream.read(_LARGEST_FILE))
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return {}
    return dict(list(found.items())[-MOST:])
