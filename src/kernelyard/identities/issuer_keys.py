"""The public keys of an issuer: found by discovery, kept, and fetched again when they change."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any
from urllib.parse import urlsplit

import httpx
import structlog
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey, import_key

from kernelyard.model.errors import Unauthenticated, Unavailable
from kernelyard.model.quantities import Micros
from kernelyard.ports.clock import Clock

log: structlog.stdlib.BoundLogger = structlog.get_logger("kernelyard.identities")

PublicKey = RSAKey | ECKey | OKPKey

LARGEST_DOCUMENT = 256 * 1024
MOST_KEYS = 100
SMALLEST_RSA_BITS = 2048
FETCH_SECONDS = 10.0
FRESH: Micros = 3_600_000_000
"""Keys this old are fetched again, beside the requests that go on with them."""
USABLE: Micros = 24 * 3_600_000_000
"""Keys older than this are not believed any more: one that was withdrawn must end some day."""
PAUSE: Micros = 10_000_000
"""Between two fetches: tokens with made-up key ids must not become requests to the issuer."""

_KEY_TYPES = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}


class FetchFailed(Exception):
    """A document of the issuer could not be had, or is not what it should be. Says why."""


class IssuerKeys:
    """Keeps the keys of one issuer. One fetch at a time serves all who wait for it."""

    def __init__(self, issuer: str, clock: Clock) -> None:
        self._issuer = issuer
        self._clock = clock
        self._keys: list[PublicKey] = []
        self._fetched_at: Micros | None = None
        self._tried_at: Micros | None = None
        self._fetching: asyncio.Task[None] | None = None

    async def find(self, kid: str | None, algorithm: str) -> PublicKey:
        """Return the key that a token says it is signed with.

        Raises Unauthenticated if the issuer has none of that id, Unavailable if its keys are not known
        here and cannot be fetched now.
        """
        age = self._age()
        if age is None or age > USABLE:
            await self._fetched()
            age = self._age()
            if age is None or age > USABLE:
                raise Unavailable(
                    f"The identity provider {self._issuer} does not answer, so tokens of it cannot be "
                    "checked now. Try again shortly, or use a token of this server."
                )
        elif age > FRESH:
            self._begin()
        found = self._known(kid, algorithm)
        if found is None:
            await self._fetched()
            found = self._known(kid, algorithm)
        if found is None:
            raise Unauthenticated(
                "This token is signed with a key that its issuer does not publish. Sign in again."
            )
        return found

    async def aclose(self) -> None:
        """Give up a fetch that is under way."""
        if self._fetching is not None:
            self._fetching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._fetching

    def _age(self) -> Micros | None:
        return None if self._fetched_at is None else self._clock.now() - self._fetched_at

    def _known(self, kid: str | None, algorithm: str) -> PublicKey | None:
        kind = _KEY_TYPES.get(algorithm[:2])
        fit = [
            key
            for key in self._keys
            if key.key_type == kind
            and key.get("alg", algorithm) == algorithm
            and (kid is None or key.kid == kid)
        ]
        return fit[0] if len(fit) == 1 or (fit and kid is not None) else None

    async def _fetched(self) -> None:
        self._begin()
        if self._fetching is not None:
            await asyncio.shield(self._fetching)

    def _begin(self) -> None:
        """Fetch the keys, unless that is under way or was tried just now."""
        if self._fetching is not None:
            return
        now = self._clock.now()
        if self._tried_at is not None and 0 <= now - self._tried_at < PAUSE:
            return
        self._tried_at = now
        self._fetching = asyncio.create_task(self._fetch(), name="fetching the issuer's keys")

    async def _fetch(self) -> None:
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                keys = await _published(self._issuer)
        except (TimeoutError, FetchFailed) as error:
            reason = str(error) or f"no answer within {FETCH_SECONDS:.0f} s"
            log.warning("identity.keys_not_fetched", issuer=self._issuer, reason=reason)
        else:
            self._keys = keys
            self._fetched_at = self._clock.now()
            log.info("identity.keys_fetched", issuer=self._issuer, keys=len(keys))
        finally:
            self._fetching = None


async def _published(issuer: str) -> list[PublicKey]:
    # Making a client reads certificates from files.
    client = await asyncio.to_thread(httpx.AsyncClient, timeout=FETCH_SECONDS)
    async with client as http:
        about = await _document(http, issuer.rstrip("/") + "/.well-known/openid-configuration")
        if about.get("issuer") != issuer:
            raise FetchFailed(f"it calls itself {str(about.get('issuer'))[:200]!r}")
        address = about.get("jwks_uri")
        if not isinstance(address, str) or not is_safe_address(address):
            raise FetchFailed("its jwks_uri is not an https address")
        keys = (await _document(http, address)).get("keys")
    if not isinstance(keys, list):
        raise FetchFailed("its key set has no 'keys'")
    return await asyncio.to_thread(_imported, keys[:MOST_KEYS])


async def _document(http: httpx.AsyncClient, address: str) -> dict[str, Any]:
    body = bytearray()
    try:
        async with http.stream("GET", address, headers={"Accept": "application/json"}) as answer:
            if answer.status_code != httpx.codes.OK:
                raise FetchFailed(f"{address} answers {answer.status_code}")
            async for piece in answer.aiter_bytes():
                body += piece
                if len(body) > LARGEST_DOCUMENT:
                    raise FetchFailed(f"{address} is larger than {LARGEST_DOCUMENT // 1024} KiB")
        document = json.loads(body)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise FetchFailed(f"{address}: {str(error) or type(error).__name__}") from error
    except (ValueError, RecursionError) as error:
        raise FetchFailed(f"{address} is not JSON") from error
    if not isinstance(document, dict):
        raise FetchFailed(f"{address} is not a JSON object")
    return document


def _imported(published: list[Any]) -> list[PublicKey]:
    """The keys that can verify signatures; what is not understood is left out."""
    keys: list[PublicKey] = []
    for data in published:
        # A symmetric key has no place in a published set: whoever can read it could sign.
        if not isinstance(data, dict) or data.get("kty") not in {"RSA", "EC", "OKP"}:
            continue
        if data.get("use", "sig") != "sig":
            continue
        try:
            key = import_key(data)
        except (JoseError, ValueError, TypeError, KeyError, OverflowError):
            continue
        if isinstance(key, RSAKey) and key.raw_value.key_size < SMALLEST_RSA_BITS:
            continue
        if isinstance(key, RSAKey | ECKey | OKPKey):
            keys.append(key)
    return keys


def is_safe_address(address: str) -> bool:
    """Whether what comes from an address can be trusted: https, or http on this machine."""
    try:
        parts = urlsplit(address)
        host = parts.hostname
    except ValueError:
        return False
    if not host or parts.username is not None or parts.fragment:
        return False
    return parts.scheme == "https" or (
        parts.scheme == "http" and host in {"127.0.0.1", "::1", "localhost"}
    )
