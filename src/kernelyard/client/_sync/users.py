# Generated from src/kernelyard/client/_async/users.py by tools/generate_sync.py: do not edit.
# ruff: noqa: RUF100, SIM117, UP028
"""Users, and what they did. For administrators."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from kernelyard.client._sync.http import Http
from kernelyard.client._sync.pages import every
from kernelyard.client.decoding import decode, encode, segment
from kernelyard.client.people_types import AuditEntry, User
from kernelyard.client.types import Page


class Users:
    """All users, as ``yard.users``."""

    def __init__(self, http: Http) -> None:
        self._http = http

    def add(
        self, name: str, *, kind: str = "user", role: str = "user", display_name: str = ""
    ) -> User:
        """Add a person, or a program if ``kind`` is ``service``.

        ::

            yard.users.add("ci", kind="service")
        """
        body = encode({"name": name, "kind": kind, "role": role, "display_name": display_name})
        return decode(self._http.post("/v1/users", body), User)

    def get(self, name: str) -> User:
        """Return a user; everybody may ask for himself."""
        return decode(self._http.get(f"/v1/users/{segment(name)}"), User)

    def list(self, *, page_size: int = 100) -> Iterator[User]:
        """Yield all users, by name."""
        return every(self._http, "/v1/users", Page[User], [], page_size=page_size)

    def update(
        self,
        name: str,
        *,
        role: str | None = None,
        display_name: str | None = None,
        disabled: bool | None = None,
    ) -> User:
        """Change a user; the tokens of one who is disabled are refused at once."""
        asked = {"role": role, "display_name": display_name, "disabled": disabled}
        body = encode({key: value for key, value in asked.items() if value is not None})
        return decode(self._http.patch(f"/v1/users/{segment(name)}", body), User)

    def remove(self, name: str) -> None:
        """Remove a user who has no kernels, with his tokens, templates and pools."""
        self._http.delete(f"/v1/users/{segment(name)}")


class Audit:
    """Who did what, as ``yard.audit``."""

    def __init__(self, http: Http) -> None:
        self._http = http

    def list(
        self,
        *,
        user: str | None = None,
        action: str | None = None,
        subject: str | None = None,
        since: datetime | str | None = None,
        page_size: int = 100,
    ) -> Iterator[AuditEntry]:
        """Yield deeds, newest first.

        ::

            for deed in yard.audit.list(user="ada", action="task.run"):
                print(deed.at, deed.address, deed.subject)
        """
        told = since.isoformat() if isinstance(since, datetime) else since
        asked = {"user": user, "action": action, "subject": subject, "since": told}
        filters = [(key, value) for key, value in asked.items() if value is not None]
        return every(self._http, "/v1/audit", Page[AuditEntry], filters, page_size=page_size)
