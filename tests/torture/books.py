"""What the suite remembers: kernels with what was done to them, faults with their times, and counts."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field

from tests.torture.checks import Excuses, Seen


@dataclass(slots=True)
class Charge:
    """A kernel that the suite made and looks after."""

    id: str
    born: int
    """The round in which it was made."""
    pid: int
    restarts: bool = False
    killed: int = 0
    adopted: bool = False
    """Whether its agent is another than the one that started it."""
    orphaned: bool = False
    """Whether who has started it was killed."""
    unheard: int = 0
    full: bool = False
    records: list[Seen] = field(default_factory=list)
    checked: set[str] = field(default_factory=set)
    """Tasks that were found to be right."""

    @property
    def excuses(self) -> Excuses:
        return Excuses(
            unheard=self.unheard,
            killed=bool(self.killed),
            # What its parent has left in a file is not there on a full disk.
            signal_known=not self.orphaned and not (self.adopted and self.full),
            full=self.full,
            restarts=self.restarts,
        )


@dataclass(slots=True)
class Books:
    """One run of the suite."""

    seed: int
    round: int = 0
    charges: dict[str, Charge] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    history: list[str] = field(default_factory=list)
    begun: float = field(default_factory=time.monotonic)

    def tell(self, text: str) -> None:
        """Print a line of progress and remember it."""
        line = f"[{time.monotonic() - self.begun:7.1f} s] round {self.round}: {text}"
        self.history.append(line)
        print(line, flush=True)

    def table(self) -> str:
        """The figures of the run as a table."""
        rows = [(kind, str(count)) for kind, count in sorted(self.faults.items())]
        rows += [(name, f"{count:,}") for name, count in self.counts.items()]
        rows.append(("seconds", f"{time.monotonic() - self.begun:.0f}"))
        rows.append(("seed", str(self.seed)))
        width = max(len(name) for name, _ in rows)
        lines = [f"| {'torture':<{width}} | {'count':>9} |", f"|{'-' * (width + 2)}|----------:|"]
        return "\n".join(lines + [f"| {name:<{width}} | {count:>9} |" for name, count in rows])


class Violation(AssertionError):
    """Something is not as it was promised."""


def require(problems: list[str], about: str) -> None:
    """Raise a Violation if there are problems."""
    if problems:
        raise Violation(about + "\n" + "\n".join(f"  - {problem}" for problem in problems))
