"""Control groups that are names only, for tests of who makes and gives them."""

from __future__ import annotations

from pathlib import Path


class ScriptedGroups:
    """Control groups of which a test sees what is done with them."""

    def __init__(self) -> None:
        self.open: list[str] = []
        self.given: dict[str, str] = {}
        self.refuses = False
        self.busy = False

    def open_ahead(self, name: str) -> tuple[Path, ...]:
        self.open.append(name)
        return (Path("/groups") / name,)

    def give(self, name: str, kernel_id: str) -> bool:
        if not self.refuses:
            self.given[kernel_id] = name
        return not self.refuses

    def close_ahead(self, name: str) -> bool:
        if not self.busy:
            self.open.remove(name)
        return not self.busy
