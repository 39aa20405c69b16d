"""Addresses of PostgreSQL databases: checked, and told without their secrets."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from kernelyard.model.errors import Invalid

_SCHEMES = ("postgresql", "postgres")


def checked_url(url: str) -> str:
    """Return the address as the driver takes it. Raises Invalid, whose text has nothing of it."""
    scheme, mark, rest = url.strip().partition("://")
    name, _, driver = scheme.partition("+")
    known = bool(mark) and name in _SCHEMES and driver in {"", "asyncpg"}
    if not (known and _is_readable(f"postgresql://{rest}")):
        raise no_address()
    return f"postgresql://{rest}"


def no_address() -> Invalid:
    """The error about an address that cannot be read."""
    return Invalid(
        "The store's URL is not the address of a PostgreSQL database. Write "
        "postgresql://user:password@host:5432/database, with characters such as @ / : # % in the "
        "password escaped (%40 %2F %3A %23 %25).",
        field="store_url",
    )


def place_of(url: str) -> str:
    """Which database at which host, for people to read: without user, password and options."""
    parts = urlsplit(url)
    asked = parse_qs(parts.query)
    host = parts.netloc.rpartition("@")[2] or asked.get("host", [""])[0] or "of this machine"
    return f"'{parts.path.lstrip('/') or asked.get('dbname', ['(default)'])[0]}' at {host}"


def _is_readable(url: str) -> bool:
    try:
        # Reading the port finds a password with characters that had to be escaped.
        _ = urlsplit(url).port
    except ValueError:
        return False
    return True
