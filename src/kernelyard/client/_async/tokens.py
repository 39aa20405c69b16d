"""Tokens: who may use the server. For administrators."""

from __future__ import annotations

from collections.abc import AsyncIterator

from kernelyard.client._async.http import AsyncHttp
from kernelyard.client._async.pages import every
from kernelyard.client.decoding import decode, encode, segment
from kernelyard.client.types import NewToken, Page, Token


class AsyncTokens:
    """All tokens, as ``yard.tokens``."""

    def __init__(self, http: AsyncHttp) -> None:
        self._http = http

    async def create(self, name: str, *, role: str = "user") -> NewToken:
        """Make a token for ``name``; ``role`` is ``user`` or ``admin``. Its secret is told once.

        ::

            secret = (await yard.tokens.create("ada")).token
        """
        body = encode({"name": name, "role": role})
        return decode(await self._http.post("/v1/tokens", body), NewToken)

    def list(self, *, page_size: int = 100) -> AsyncIterator[Token]:
        """Yield all tokens, without their secrets."""
        return every(self._http, "/v1/tokens", Page[Token], [], page_size=page_size)

    async def delete(self, token_id: str) -> None:
        """Take a token back; requests with it are refused from now on."""
        await self._http.delete(f"/v1/tokens/{segment(token_id)}")
