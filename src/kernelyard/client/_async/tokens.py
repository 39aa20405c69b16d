"""Tokens: one's own, and for administrators everybody's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from kernelyard.client._async.http import AsyncHttp
from kernelyard.client._async.pages import every
from kernelyard.client.decoding import decode, encode, segment
from kernelyard.client.people_types import NewToken, Token
from kernelyard.client.types import Page


class AsyncTokens:
    """Tokens, as ``yard.tokens``."""

    def __init__(self, http: AsyncHttp) -> None:
        self._http = http

    async def create(
        self,
        name: str,
        *,
        user: str | None = None,
        role: str | None = None,
        scopes: Sequence[str] | None = None,
        expires_in: str | float | None = None,
    ) -> NewToken:
        """Make a token called ``name``. Its secret is told once.

        It is one's own; an administrator says whose with ``user``, or else makes the first token of the
        user ``name``, who is added with ``role`` if there is none. ``scopes`` are all that its user may
        have unless given; ``expires_in`` is in seconds or such as ``"30d"``.

        ::

            secret = (await yard.tokens.create("ci", scopes=["run"], expires_in="30d")).token
        """
        asked = {
            "user": user,
            "role": role,
            "scopes": None if scopes is None else list(scopes),
            "expires_in": expires_in,
        }
        told = {key: value for key, value in asked.items() if value is not None}
        body = encode({"name": name, **told})
        return decode(await self._http.post("/v1/tokens", body), NewToken)

    def list(self, *, user: str | None = None, page_size: int = 100) -> AsyncIterator[Token]:
        """Yield tokens without their secrets: one's own, or for administrators all, or a user's."""
        filters = [] if user is None else [("user", user)]
        return every(self._http, "/v1/tokens", Page[Token], filters, page_size=page_size)

    async def delete(self, token_id: str) -> None:
        """Take a token back; requests with it are refused from now on."""
        await self._http.delete(f"/v1/tokens/{segment(token_id)}")
