"""Starting ipykernel so that it drops no output when nobody reads for a while.

ZeroMQ drops what a publisher says, in silence, once a thousand messages wait for a subscriber; that is
how ipykernel's socket is set. An agent that stands still for a moment, or gets no turn on a busy machine,
would lose output without knowing. ipykernel has no setting for it, so it is started by a file of ours
that lifts the limit before the socket is bound, and changes nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

START = Path(__file__).with_name("start_ipykernel.py")
_TAKES_A_WORD = frozenset({"-X", "-W"})
"""Options of Python's whose value may stand behind them as a word of its own."""
_MODULES = frozenset({"ipykernel_launcher", "ipykernel"})


def without_loss(argv: Sequence[str]) -> tuple[list[str], bool]:
    """Return the command line that starts the same kernel, and whether it drops nothing.

    Any other kernel than ipykernel is started as it wants, and may drop output while nobody reads.
    """
    line = list(argv)
    if (place := place_of_ipykernel(line)) is None:
        return line, False
    return [*line[:place], str(START), *line[place + 2 :]], True


def place_of_ipykernel(argv: Sequence[str]) -> int | None:
    """Where in a command line of Python's stands ``-m ipykernel_launcher``; None if it is no such."""
    place = 1
    while place < len(argv) - 1 and argv[place].startswith("-"):
        if argv[place] == "-m" and argv[place + 1] in _MODULES:
            return place
        place += 2 if argv[place] in _TAKES_A_WORD else 1
    return None
