# Generated from src/kernelyard/client/_async/tokens.py by tools/generate_sync.py: do not edit.
# ruff: noqa: RUF100, SIM117, UP028
"""Tokens: who may use the server. For administrators."""

from __future__ import annotations

from collections.abc import Iterator

from kernelyard.client._sync.http import Http
from kernelyard.client._sync.pages import every
from kernelyard.client.decoding import decode, encode, segment
from kernelyard.client.types import NewToken, Page, Token


class Tokens:
    """All tokens, as ``yard.tokens``."""

    def __init__(self, http: Http) -> None:
        self._http = http

    def create(self, name: str, *, role: str = "user") -> NewToken:
        """Make a token for ``name``; ``role`` is ``user`` or ``admin``. Its secret is told once.

        ::

            secret = yard.tokens.create("ada").token
        """
        body = encode({"name": name, "role": role})
        return decode(self._http.post("/v1/tokens", body), NewToken)

    def list(self, *, page_size: int = 100) -> Iterator[Token]:
        """Yield all tokens, without their secrets."""
        return every(self._http, "/v1/tokens", Page[Token], [], page_size=page_size)

    def delete(self, token_id: str) -> None:
        """Take a token back; requests with it are refused from now on."""
        self._http.delete(f"/v1/tokens/{segment(token_id)}")
