"""Bearer tokens of an OpenID Connect issuer: JSON Web Tokens, verified with its published keys."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from joserfc import jwt
from joserfc.errors import ClaimError, ExpiredTokenError, JoseError
from joserfc.jws import JWSRegistry
from joserfc.jwt import JWTClaimsRegistry

from kernelyard.identities.issuer_keys import IssuerKeys
from kernelyard.model.errors import Unauthenticated
from kernelyard.model.principals import ADMIN_NAME, Principal, Role
from kernelyard.ports.clock import Clock
from kernelyard.ports.identity import Forged, may_be_issued

LONGEST_TOKEN = 16 * 1024
ALGORITHMS = frozenset(
    [
        "RS256",
        "RS384",
        "RS512",
        "PS256",
        "PS384",
        "PS512",
        "ES256",
        "ES384",
        "ES512",
        "Ed25519",
        "EdDSA",
    ]
)
"""Signatures by a private key. Never ``none``; never HMAC, for which a public key would do."""

_MICROS = 1_000_000
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._:@|+-]{0,126}[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcSetup:
    """Whose tokens are taken, and what in them says who comes."""

    issuer: str
    """As it stands in tokens, to the letter."""
    audience: str
    """A token must be meant for us."""
    user_claim: str = "sub"
    role_claim: str | None = None
    """Where roles or groups are: a text or a list; dots lead into objects."""
    admin_values: frozenset[str] = frozenset()
    """Any of these there makes an administrator."""
    algorithms: frozenset[str] = ALGORITHMS
    leeway_seconds: int = 60
    """How far the issuer's clock may be from ours."""


class OidcIdentity:
    """Verifies tokens of one issuer."""

    def __init__(self, setup: OidcSetup, clock: Clock) -> None:
        self._setup = setup
        self._clock = clock
        self._keys = IssuerKeys(setup.issuer, clock)
        allowed = ALGORITHMS & setup.algorithms
        self._registry = _Registry(algorithms=allowed, strict_check_header=False)
        self._claims = JWTClaimsRegistry(
            now=lambda: clock.now() // 1_000_000,
            leeway=setup.leeway_seconds,
            iss={"essential": True, "value": setup.issuer},
            aud={"essential": True, "value": setup.audience},
            exp={"essential": True},
        )

    @property
    def tells_roles(self) -> bool:
        """Whether the settings say where roles stand in tokens."""
        return self._setup.role_claim is not None

    async def verify(self, token: str) -> Principal | None:
        """Return who holds a token of this issuer; None for anything else.

        Raises Forged, Unauthenticated, and Unavailable while the issuer's keys cannot be had.
        """
        if not may_be_issued(token):
            return None
        if len(token) > LONGEST_TOKEN:
            raise Unauthenticated(
                f"This token is longer than {LONGEST_TOKEN // 1024} KiB. Ask your identity provider "
                "for one with fewer claims."
            )
        header, claimed = _parts(token)
        if header is None or claimed is None or claimed.get("iss") != self._setup.issuer:
            return None
        algorithm, kid = header.get("alg"), header.get("kid")
        if not isinstance(algorithm, str) or algorithm not in self._registry.allowed_names:
            raise Forged("This token is not signed in a way that this server accepts.")
        if kid is not None and not isinstance(kid, str):
            raise Unauthenticated("This token's 'kid' is not a text.")
        key = await self._keys.find(kid, algorithm)
        try:
            claims = jwt.decode(token, key, registry=self._registry).claims
            self._claims.validate(claims)
        except ExpiredTokenError as error:
            raise Unauthenticated("This token has expired. Sign in again.") from error
        except ClaimError as error:
            raise Unauthenticated(_wrong(error, self._setup)) from error
        except (JoseError, ValueError, RecursionError) as error:
            raise Forged("This token's signature is not right. Sign in again.") from error
        return self._principal(claims)

    async def aclose(self) -> None:
        """Give up what is under way."""
        await self._keys.aclose()

    def _principal(self, claims: Mapping[str, Any]) -> Principal:
        name = _claim(claims, self._setup.user_claim)
        if not isinstance(name, str) or _NAME.fullmatch(name) is None or ".." in name:
            raise Unauthenticated(
                f"This token's claim '{self._setup.user_claim}' is no user name: 1 to 128 letters, digits "
                "or any of '. _ : @ | + -', beginning and ending with a letter or digit."
            )
        if name == ADMIN_NAME:
            raise Unauthenticated(
                "The name 'admin' belongs to the administrator of this server. Sign in as somebody else."
            )
        return Principal(name, self._role(claims), until=int(claims["exp"] * _MICROS))

    def _role(self, claims: Mapping[str, Any]) -> Role:
        if self._setup.role_claim is None:
            return Role.USER
        said = _claim(claims, self._setup.role_claim)
        values = said.split() if isinstance(said, str) else said if isinstance(said, list) else []
        texts = {value for value in values if isinstance(value, str)}
        return Role.ADMIN if texts & self._setup.admin_values else Role.USER


class _Registry(JWSRegistry):
    """The library's, held to our algorithms alone; issuers' headers may be longer than it expects."""

    max_header_length = 4096

    @property
    def allowed_names(self) -> frozenset[str]:
        return frozenset(self.allowed or ())

    def get_alg(self, name: str) -> Any:
        if name not in self.allowed_names:
            raise JoseError("algorithm not allowed")
        return self.algorithms[name]


def _parts(token: str) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """The header and the claims as they are written; nobody has vouched for them yet."""
    header, claims, _ = token.split(".")
    return _object(header), _object(claims)


def _object(part: str) -> dict[str, Any] | None:
    try:
        read = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, RecursionError):
        return None
    return read if isinstance(read, dict) else None


def _claim(claims: Mapping[str, Any], name: str) -> Any:
    """A claim by its name, or by a path of names with dots between them."""
    if name in claims:
        return claims[name]
    found: Any = claims
    for step in name.split("."):
        found = found.get(step) if isinstance(found, dict) else None
    return found


def _wrong(error: ClaimError, setup: OidcSetup) -> str:
    match error.claim:
        case "aud":
            return (
                f"This token is not meant for this server: its audience must be '{setup.audience}'."
            )
        case "nbf" | "iat":
            return "This token is not valid yet. Check the clocks of this server and of the issuer."
        case "exp":
            return "This token does not say when it expires, and such are not accepted."
        case claim:
            return f"This token's claim '{claim}' is not right. Sign in again."
