"""Whether this server can do its work."""

from __future__ import annotations

from kernelyard.ports.stores import Store


class Health:
    """Alive: the process answers. Ready: its store answers too."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def live(self) -> bool:
        """Always true: who can ask is answered."""
        return True

    async def ready(self) -> bool:
        """Whether the store answers."""
        try:
            await self._store.ping()
        except Exception:  # noqa: BLE001 - whatever it is, the answer is no
            return False
        return True
