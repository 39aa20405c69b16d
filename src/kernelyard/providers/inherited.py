"""What a kernel inherits of the agent's environment."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping

NEVER = frozenset({"JPY_PARENT_PID", "JPY_SESSION_NAME"})
"""What would tie a kernel's life to ours, or call it by another's name."""
_OURS = "KERNELYARD_"
"""How our own settings and secrets begin."""


def inherited_environment(
    surroundings: Mapping[str, str] = os.environ, unset: Collection[str] = ()
) -> dict[str, str]:
    """Return the agent's variables that a kernel may have; none of our own, and none of ``unset``."""
    return {
        key: value
        for key, value in surroundings.items()
        if key not in NEVER and key not in unset and not key.startswith(_OURS)
    }
