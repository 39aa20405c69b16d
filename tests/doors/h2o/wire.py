"""Requests of this dialect as they stand on the wire."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

import httpx
from starlette.types import ASGIApp


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    body: Any
    headers: httpx.Headers

    @property
    def fault(self) -> tuple[int, int]:
        """HTTP status and gRPC code; the envelope is checked on the way."""
        assert set(self.body) == {"code", "message", "details"}, self.body
        assert self.body["details"] == []
        assert self.body["message"]
        assert self.headers["content-type"] == "application/json"
        return self.status, self.body["code"]

    @property
    def message(self) -> str:
        """What an error says."""
        return str(self.body["message"])


@dataclass(frozen=True)
class Wire:
    """Sends requests in somebody's name."""

    client: httpx.AsyncClient
    app: ASGIApp
    token: str | None

    def holding(self, token: str | None) -> Wire:
        """Return the same with another token."""
        return replace(self, token=token)

    async def send(
        self, method: str, path: str, body: Any = None, *, content: bytes | None = None
    ) -> Answer:
        """Send one request; ``path`` stands on the wire as it is given."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token is not None else {}
        request = self.client.build_request(
            method, path, json=body, content=content, headers=headers
        )
        answer = await self.client.send(request)
        return Answer(answer.status_code, answer.json(), answer.headers)

    async def get(self, name: str, rest: str = "") -> Answer:
        """GET a resource by its name; ``rest`` is what the client does not encode."""
        return await self.send("GET", path_of(name) + rest)

    async def post(self, name: str, rest: str, body: Any) -> Answer:
        """POST to a resource or a collection in it."""
        return await self.send("POST", path_of(name) + rest, body)

    async def patch(self, name: str, mask: str, body: Any) -> Answer:
        """PATCH a resource."""
        return await self.send("PATCH", f"{path_of(name)}?updateMask={quote(mask, safe='')}", body)

    async def delete(self, name: str) -> Answer:
        """DELETE a resource."""
        return await self.send("DELETE", path_of(name))


def path_of(name: str) -> str:
    """Return the path of a resource as the client writes it: nothing in a name is left as it is."""
    return f"/v1/{quote(name, safe='')}"
