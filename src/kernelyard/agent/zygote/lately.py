"""What kernels were started from of late: a small file, so that a new agent prepares for it at once.

No environment and no parameter is in it, for they may be secret: only the names from which the agent
finds the rest again.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from kernelyard.agent.logs import Log
from kernelyard.agent.places import write_private
from kernelyard.agent.zygote.keys import Recipe

MOST = 16
LONGEST_PRELOAD = 64
_LARGEST_FILE = 256 * 1024
_recipes = msgspec.json.Decoder(list[Recipe])


class Lately:
    """The recipes that were used last, the newest first. A file that cannot be read is empty."""

    def __init__(self, file: Path, log: Log) -> None:
        self._file = file
        self._log = log
        self._recipes = _read(file)
        self._kept = list(self._recipes)

    @property
    def recipes(self) -> list[Recipe]:
        return list(self._recipes)

    def note(self, recipe: Recipe) -> None:
        """A kernel was started so."""
        if recipe in self._recipes[: MOST // 4] or len(recipe.preload) > LONGEST_PRELOAD:
            return
        rest = [one for one in self._recipes if one != recipe]
        self._recipes = [recipe, *rest][:MOST]

    def drop(self, recipe: Recipe) -> None:
        """It cannot be started so any more."""
        if recipe in self._recipes:
            self._recipes = [one for one in self._recipes if one != recipe]

    def keep(self) -> None:
        """Write the file, if there is something new to keep. Not for the event loop's thread."""
        if (recipes := self._recipes) == self._kept:
            return
        try:
            self._file.parent.mkdir(mode=0o700, exist_ok=True)
            # It is no loss if it is not there after a crash of the machine: so are no zygotes.
            write_private(self._file, msgspec.json.encode(recipes), see_on_disk=False)
        except OSError as error:
            self._log.warning("zygotes.not_kept", problem=str(error))
        self._kept = recipes


def _read(file: Path) -> list[Recipe]:
    try:
        with file.open("rb") as stream:
            return _recipes.decode(stream.read(_LARGEST_FILE))[:MOST]
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return []
