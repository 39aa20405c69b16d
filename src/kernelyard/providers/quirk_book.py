"""What is known of kernels: the table that comes with us, the user's file, and a kernelspec's own word."""

from __future__ import annotations

import fnmatch
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kernelyard.model.json import JsonValue
from kernelyard.providers.command_names import names_in
from kernelyard.providers.provider import LaunchPlan
from kernelyard.providers.quirks import Quirks, merged

TABLE = Path(__file__).with_name("quirks.toml")
METADATA_KEY = "kernelyard"
_LARGEST_FILE = 1024 * 1024
_MOST_JUDGED = 100
_BESIDE_QUIRKS = frozenset({"match", "known", "note"})


def default_file(data_dir: Path) -> Path:
    """Where the user's file is unless he says otherwise."""
    return data_dir / "quirks.toml"


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    patterns: tuple[str, ...]
    given: Mapping[str, object]
    where: str

    def fits(self, names: Iterable[str]) -> bool:
        return any(fnmatch.fnmatchcase(name, one) for name in names for one in self.patterns)


class QuirkBook:
    """Says what is peculiar about the kernel of a plan.

    The user's file is stronger than a kernelspec's ``metadata["kernelyard"]``, which is stronger than
    our table. The file is read again when it has changed; what is wrong in it is told once, and left
    out.
    """

    def __init__(
        self, user_file: Path | None = None, tell: Callable[[str], None] = lambda _: None
    ) -> None:
        self._file = user_file
        self._tell = tell
        self._table, problems = _read(TABLE)
        self._own: tuple[_Entry, ...] = ()
        self._seen: tuple[int, int, int] | None = None
        self._told: set[str] = set()
        self._judged: dict[tuple[str, ...], Quirks] = {}
        """What was said of kernels before, by their commands and their own words."""
        self._tell_all(problems)

    def of(self, plan: LaunchPlan) -> Quirks:
        """Return what is known of the kernel that a plan starts."""
        self._look()
        said = plan.metadata.get(METADATA_KEY)
        asked = (*plan.argv, repr(said))
        quirks = self._judged.get(asked)
        if quirks is None:
            if len(self._judged) >= _MOST_JUDGED:
                self._judged.clear()
            quirks = self._judged[asked] = self._of(plan, said)
        return quirks

    def _of(self, plan: LaunchPlan, said: JsonValue) -> Quirks:
        names = names_in(plan.argv)
        quirks, problems = Quirks(), list[str]()
        for entry in [one for one in self._table if one.fits(names)][:1]:
            quirks, wrong = merged(quirks, entry.given, entry.where)
            problems += wrong
        if isinstance(said, dict):
            where = f"metadata.{METADATA_KEY} of a kernelspec that starts {plan.argv[:1]}"
            quirks, wrong = merged(quirks, said, where)
            problems += wrong
        for entry in reversed([one for one in self._own if one.fits(names)]):
            quirks, wrong = merged(quirks, entry.given, entry.where)
            problems += wrong
        self._tell_all(problems)
        return quirks

    def look(self) -> list[str]:
        """Read the user's file and return what is wrong with it, a sentence for each."""
        self._look()
        wrong: list[str] = []
        for entry in self._own:
            wrong += merged(Quirks(), entry.given, entry.where)[1]
        return sorted({*self._told, *wrong})

    def _look(self) -> None:
        if self._file is None:
            return
        try:
            status = self._file.stat()
        except OSError:
            if self._seen is not None:
                self._own, self._seen = (), None
                self._judged.clear()
            return
        seen = (status.st_mtime_ns, status.st_size, status.st_ino)
        if seen == self._seen:
            return
        self._seen = seen
        self._told.clear()
        self._judged.clear()
        self._own, problems = _read(self._file, known=self._table)
        self._tell_all(problems)

    def _tell_all(self, problems: Sequence[str]) -> None:
        for problem in problems:
            if problem not in self._told:
                self._told.add(problem)
                self._tell(problem)


def _read(file: Path, known: Sequence[_Entry] = ()) -> tuple[tuple[_Entry, ...], list[str]]:
    """Return what a file says that can be used, and what is wrong with the rest."""
    try:
        with file.open("rb") as stream:
            content = tomllib.loads(stream.read(_LARGEST_FILE).decode("utf-8-sig"))
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        return (), [f"The file of quirks {file} cannot be read and is left out: {reason}"]
    problems = [
        f"{file}: {key!r} is no table of quirks; write [kernels.NAME]"
        for key in content
        if key != "kernels"
    ]
    kernels = content.get("kernels", {})
    if not isinstance(kernels, dict):
        return (), [*problems, f"{file}: 'kernels' must hold a table for each kernel"]
    entries: list[_Entry] = []
    for name, given in kernels.items():
        found = _entry(file, name, given, known)
        if isinstance(found, _Entry):
            entries.append(found)
        else:
            problems.append(found)
    return tuple(entries), problems


def _entry(file: Path, name: str, given: object, known: Sequence[_Entry]) -> _Entry | str:
    where = f"{file}, [kernels.{name}]"
    if not isinstance(given, dict):
        return f"{where}: this must be a table of quirks"
    patterns = given.get("match")
    if patterns is None:
        patterns = [one for entry in known if entry.name == name for one in entry.patterns]
    if not isinstance(patterns, list) or not all(isinstance(one, str) for one in patterns):
        return f"{where}: 'match' must be a list of texts, such as [\"my_kernel\"]"
    if not patterns:
        return (
            f"{where}: 'match' is missing; it says by which program or module the kernel is known"
        )
    quirks = {key: value for key, value in given.items() if key not in _BESIDE_QUIRKS}
    return _Entry(name, tuple(patterns), quirks, where)
