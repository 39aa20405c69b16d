"""The H2O door: the Kernel API that the published ``h2o_notebook`` client speaks."""

from __future__ import annotations

from collections.abc import Sequence

from kernelyard.doors._asgi.door import Door
from kernelyard.doors._asgi.operations import Routed


class H2ODoor(Door):
    """The dialect of H2O's Kernel API."""

    name = "h2o"

    def routers(self) -> Sequence[Routed]:
        """Return the routes of this dialect."""
        return []


door = H2ODoor()
