"""A token of the configured issuer says who comes; whatever is not right about it keeps him out."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from kernelyard.identities.issuer_keys import LARGEST_DOCUMENT, is_safe_address
from kernelyard.identities.oidc import LONGEST_TOKEN, OidcIdentity, OidcSetup
from kernelyard.model.errors import Unauthenticated, Unavailable
from kernelyard.model.principals import Role
from kernelyard.ports.identity import Forged
from kernelyard.testing import FakeClock

from tests.support.issuer import AUDIENCE, Issuer, written


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with Issuer() as issuer:
        yield issuer


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(int(time.time()) * 1_000_000)


@pytest.fixture
async def identity(issuer: Issuer, clock: FakeClock) -> AsyncIterator[OidcIdentity]:
    identity = OidcIdentity(_setup(issuer), clock)
    yield identity
    await identity.aclose()


def _setup(issuer: Issuer, **changes: Any) -> OidcSetup:
    said: dict[str, Any] = {"issuer": issuer.url, "audience": AUDIENCE, **changes}
    return OidcSetup(**said)


async def _who(identity: OidcIdentity, token: str) -> tuple[str, Role]:
    principal = await identity.verify(token)
    assert principal is not None
    return principal.name, principal.role


async def test_a_good_token_says_who_comes(issuer: Issuer, identity: OidcIdentity) -> None:
    assert await _who(identity, issuer.token("ann@example.org")) == ("ann@example.org", Role.USER)


@pytest.mark.parametrize(
    ("kind", "algorithm"), [("EC", "ES256"), ("OKP", "Ed25519"), ("RSA", "PS384")]
)
async def test_signatures_of_several_kinds_are_known(
    issuer: Issuer, identity: OidcIdentity, kind: str, algorithm: str
) -> None:
    key = issuer.new_key("second", kind)
    token = issuer.token(key=key, header={"alg": algorithm})
    assert await _who(identity, token) == ("ann", Role.USER)


async def test_it_says_until_when(issuer: Issuer, identity: OidcIdentity) -> None:
    end = _ago(-300)
    who = await identity.verify(issuer.token(exp=end))
    assert who is not None
    assert who.until == end * 1_000_000


async def test_one_audience_of_several_is_enough(issuer: Issuer, identity: OidcIdentity) -> None:
    assert await _who(identity, issuer.token(aud=["other", AUDIENCE]))


async def test_the_name_and_the_role_are_read_where_the_settings_say(
    issuer: Issuer, clock: FakeClock
) -> None:
    identity = OidcIdentity(
        _setup(
            issuer,
            user_claim="preferred_username",
            role_claim="realm_access.roles",
            admin_values=frozenset({"yard-admin"}),
        ),
        clock,
    )
    roles = {"realm_access": {"roles": ["a", "yard-admin"]}}
    token = issuer.token("1234", preferred_username="ann", **roles)
    assert identity.tells_roles
    assert await _who(identity, token) == ("ann", Role.ADMIN)
    token = issuer.token("1234", preferred_username="bob", realm_access={"roles": ["a"]})
    assert await _who(identity, token) == ("bob", Role.USER)
    token = issuer.token("1234", preferred_username="bob", realm_access="yard-admin")
    assert await _who(identity, token) == ("bob", Role.USER)


@pytest.mark.parametrize("token", ["ky_abc", "a.b.c", "eyJ.eyJ.", "eyJhIjoxfQ.x.y", ""])
async def test_what_is_no_token_of_an_issuer_is_left_to_others(
    identity: OidcIdentity, token: str
) -> None:
    assert await identity.verify(token) is None


async def test_a_token_of_another_issuer_is_left_to_others_and_nobody_is_asked(
    issuer: Issuer, identity: OidcIdentity
) -> None:
    assert await identity.verify(issuer.token(iss="https://other.example.org")) is None
    assert issuer.asked == []


def _ago(seconds: int) -> int:
    return int(time.time()) - seconds


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"aud": "somebody-else"}, "audience"),
        ({"aud": None}, "audience"),
        ({"exp": _ago(120)}, "expired"),
        ({"exp": None}, "expires"),
        ({"exp": float("nan")}, "expires"),
        ({"exp": "tomorrow"}, "expires"),
        ({"nbf": _ago(-100_000)}, "not valid yet"),
        ({"iat": _ago(-100_000)}, "not valid yet"),
        ({"sub": None}, "user name"),
        ({"sub": ["ann"]}, "'sub' is not right"),
        ({"sub": ""}, "user name"),
        ({"sub": "../ann"}, "user name"),
        ({"sub": "ann bob"}, "user name"),
        ({"sub": "a" * 129}, "user name"),
        ({"sub": "admin"}, "'admin' belongs"),
    ],
)
async def test_a_token_that_says_something_wrong_is_refused(
    issuer: Issuer, identity: OidcIdentity, claims: dict[str, Any], words: str
) -> None:
    with pytest.raises(Unauthenticated, match=words):
        await identity.verify(issuer.token(**claims))


async def test_clocks_may_differ_a_little(issuer: Issuer, identity: OidcIdentity) -> None:
    assert await _who(identity, issuer.token(exp=_ago(20), iat=_ago(-20), nbf=_ago(-20)))


async def test_a_forged_signature_is_refused(issuer: Issuer, identity: OidcIdentity) -> None:
    stranger = Issuer()
    forged = issuer.token(key=stranger.key)
    with pytest.raises(Forged, match="signature"):
        await identity.verify(forged)
    head, _, tail = issuer.token().split(".")
    other = issuer.token("eve").split(".")[1]
    with pytest.raises(Forged, match="signature"):
        await identity.verify(f"{head}.{other}.{tail}")


@pytest.mark.parametrize("name", ["none", "None", "nOnE", "", "HS256", "RS1", None, 7])
async def test_a_token_without_a_private_key_behind_it_is_refused(
    issuer: Issuer, identity: OidcIdentity, name: object
) -> None:
    token = written({"alg": name, "kid": "first"}, issuer.claims())
    with pytest.raises(Forged, match="not signed in a way"):
        await identity.verify(token)


async def test_a_public_key_is_no_secret_to_sign_with(
    issuer: Issuer, identity: OidcIdentity
) -> None:
    assert await identity.verify(issuer.token())
    unsigned = written({"alg": "HS256", "kid": "first"}, issuer.claims("admin")).rstrip(".")
    public = issuer.key.as_pem(private=False)
    signature = hmac.digest(public, unsigned.encode(), hashlib.sha256)
    parts = written({}, signature=signature).rpartition(".")
    with pytest.raises(Forged, match="not signed in a way"):
        await identity.verify(f"{unsigned}.{parts[2]}")


async def test_a_published_secret_is_not_used(issuer: Issuer, identity: OidcIdentity) -> None:
    issuer.published = [{"kty": "oct", "k": "c2VjcmV0", "kid": "first", "alg": "RS256"}]
    with pytest.raises(Unauthenticated, match="does not publish"):
        await identity.verify(issuer.token())


async def test_an_algorithm_that_is_not_among_the_settings_is_refused(
    issuer: Issuer, clock: FakeClock
) -> None:
    identity = OidcIdentity(_setup(issuer, algorithms=frozenset({"ES256"})), clock)
    with pytest.raises(Forged, match="not signed in a way"):
        await identity.verify(issuer.token())


async def test_a_token_that_demands_what_nobody_understands_is_refused(
    issuer: Issuer, identity: OidcIdentity
) -> None:
    token = written({"alg": "RS256", "kid": "first", "crit": ["exp2"], "exp2": 1}, issuer.claims())
    with pytest.raises(Forged):
        await identity.verify(token)


async def test_a_token_that_is_too_long_is_refused(issuer: Issuer, identity: OidcIdentity) -> None:
    with pytest.raises(Unauthenticated, match="longer than"):
        await identity.verify(issuer.token(groups=["x" * 100] * (LONGEST_TOKEN // 100)))
    assert issuer.asked == []


async def test_keys_are_fetched_once(issuer: Issuer, identity: OidcIdentity) -> None:
    for name in ("ann", "bob", "eve"):
        assert await identity.verify(issuer.token(name))
    assert len(issuer.asked) == 2


async def test_a_new_key_is_found_and_made_up_ones_do_not_become_requests(
    issuer: Issuer, identity: OidcIdentity, clock: FakeClock
) -> None:
    assert await identity.verify(issuer.token())
    new = issuer.new_key("second")
    with pytest.raises(Unauthenticated, match="does not publish"):
        await identity.verify(issuer.token(key=new))  # it was looked at just now
    await clock.advance(30)
    assert await _who(identity, issuer.token(key=new)) == ("ann", Role.USER)
    asked = len(issuer.asked)
    for number in range(20):
        with pytest.raises(Unauthenticated, match="does not publish"):
            await identity.verify(issuer.token(header={"kid": f"made-up-{number}"}))
    assert len(issuer.asked) == asked


async def test_a_key_that_is_not_published_any_more_is_forgotten(
    issuer: Issuer, identity: OidcIdentity, clock: FakeClock
) -> None:
    old = issuer.token(exp=_ago(-100_000))
    assert await identity.verify(old)
    issuer.published.clear()
    issuer.new_key("second")
    await clock.advance(25 * 3600)
    with pytest.raises(Unauthenticated, match="does not publish"):
        await identity.verify(old)


async def test_keys_that_are_known_go_on_while_the_issuer_is_down(
    issuer: Issuer, identity: OidcIdentity, clock: FakeClock
) -> None:
    token = issuer.token(exp=_ago(-100_000))
    assert await identity.verify(token)
    issuer.close()
    await clock.advance(2 * 3600)
    assert await identity.verify(token)
    await clock.advance(23 * 3600)
    with pytest.raises(Unavailable, match="does not answer"):
        await identity.verify(token)
    issuer.open()
    await clock.advance(30)
    assert await identity.verify(token)


async def test_while_no_key_is_known_the_answer_is_later(
    issuer: Issuer, identity: OidcIdentity, clock: FakeClock
) -> None:
    issuer.close()
    with pytest.raises(Unavailable, match="Try again shortly"):
        await identity.verify(issuer.token())
    issuer.open()
    await clock.advance(30)
    assert await identity.verify(issuer.token())


async def test_documents_that_are_not_right_are_not_believed(
    issuer: Issuer, clock: FakeClock
) -> None:
    for changes in (
        {"issuer": "https://other.example.org"},
        {"jwks_uri": "http://198.51.100.1/keys"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": None},
        {"jwks_uri": issuer.url + "/nothing-here"},
    ):
        issuer.changes = changes
        with pytest.raises(Unavailable):
            await OidcIdentity(_setup(issuer), clock).verify(issuer.token())
    issuer.changes = {}
    issuer.padding = LARGEST_DOCUMENT
    with pytest.raises(Unavailable):
        await OidcIdentity(_setup(issuer), clock).verify(issuer.token())


@pytest.mark.parametrize(
    ("address", "safe"),
    [
        ("https://login.example.org/keys", True),
        ("http://127.0.0.1:8080/keys", True),
        ("http://[::1]/keys", True),
        ("http://login.example.org/keys", False),
        ("http://127.0.0.1.example.org/keys", False),
        ("https://user:password@login.example.org/", False),
        ("ftp://login.example.org/", False),
        ("https://", False),
        ("https://[", False),
    ],
)
def test_keys_come_over_a_safe_way_only(address: str, safe: bool) -> None:
    assert is_safe_address(address) is safe
