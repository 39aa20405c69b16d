"""What the application needs to know about its server."""

from __future__ import annotations

from dataclasses import dataclass

from kernelyard.model.errors import Invalid
from kernelyard.model.paging import LARGEST_PAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class AppSettings:
    """Set once, when the application is built."""

    version: str
    base_url: str = "/"
    """Path under which everything is served, such as ``/yard``."""
    public_url: str = ""
    """Address under which clients reach the server, with the path of ``base_url``; empty if it is the
    one that they send their requests to."""
    body_limit: int = 16 * 1024 * 1024
    """Largest request body in bytes; 0 for no limit."""
    largest_page: int = LARGEST_PAGE
    """Most outputs in one page."""

    websocket_origins: tuple[str, ...] = ()
    """Origins of pages elsewhere that may open WebSockets; ``*`` for all."""

    @property
    def root_path(self) -> str:
        """The base URL as a prefix of paths: empty, or with a leading and no trailing slash."""
        return normalised_base(self.base_url)


def normalised_base(base_url: str) -> str:
    """Return ``base_url`` as a path prefix; raise Invalid if it is no path."""
    parts = [part for part in base_url.split("/") if part]
    if any(mark in base_url for mark in "?#%\\ ") or "//" in base_url or ".." in parts:
        raise Invalid(
            f"'base_url' is {base_url[:80]!r}; write a path such as '/' or '/yard'.",
            field="base_url",
        )
    return "".join(f"/{part}" for part in parts)
