"""What an agent keeps of a zygote for one that comes later."""

from __future__ import annotations

import msgspec

from kernelyard.agent.zygote.fingerprint import Fingerprint
from kernelyard.agent.zygote.keys import Recipe


class Kept(msgspec.Struct, frozen=True):
    """What is kept of a zygote for an agent that comes later; nothing of its environment."""

    recipe: Recipe
    pid: int
    started_at: int
    ready_at: int
    modules: int
    fingerprint: Fingerprint
    images: list[str] = []
    code: str = ""
    """Of which state of our own files it has loaded some."""
