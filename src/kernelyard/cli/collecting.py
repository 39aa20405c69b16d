"""How often Python looks for garbage. Loading makes a great many objects, and none of them is garbage."""

from __future__ import annotations

import gc

_USUAL = gc.get_threshold()
_RARE = (50_000, 20, 20)


def collect_rarely() -> None:
    """Load what a command needs without being looked through again and again: a tenth of the time."""
    gc.set_threshold(*_RARE)


def collect_as_usual() -> None:
    """All is loaded, and is never looked at again; from now on garbage is looked for as Python does."""
    gc.freeze()
    gc.set_threshold(*_USUAL)
