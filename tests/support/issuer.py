"""An identity provider for tests: it publishes its keys over HTTP and signs what it is asked to."""

from __future__ import annotations

import base64
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey

AUDIENCE = "kernelyard"

SigningKey = RSAKey | ECKey | OKPKey


class Issuer:
    """Use as a context manager. ``published`` may be changed at any time."""

    def __init__(self) -> None:
        self.published: list[dict[str, Any]] = []
        self.asked: list[str] = []
        """Paths of requests, in their order."""
        self.changes: dict[str, Any] = {}
        """What the discovery document says otherwise than it should."""
        self.padding = 0
        self._server: ThreadingHTTPServer | None = None
        self._port = 0
        self.key = self.new_key("first")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/realm"

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def open(self) -> None:
        """Answer requests, at the same address as before."""
        issuer = self

        class Answering(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked.append(self.path)
                body = issuer.answer(self.path)
                self.send_response(404 if body is None else 200)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(body or b"{}")

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), Answering)
        self._server.daemon_threads = True
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        """Be down."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def answer(self, path: str) -> bytes | None:
        """The document at a path."""
        match path:
            case "/realm/.well-known/openid-configuration":
                about = {"issuer": self.url, "jwks_uri": f"{self.url}/keys", **self.changes}
                return json.dumps(about).encode()
            case "/realm/keys":
                return json.dumps({"keys": self.published, "padding": "x" * self.padding}).encode()
            case _:
                return None

    def new_key(self, kid: str, kind: str = "RSA") -> SigningKey:
        """Make a key and publish it beside the others."""
        parameters = {"kid": kid, "use": "sig"}
        key: SigningKey
        match kind:
            case "RSA":
                key = RSAKey.generate_key(2048, parameters)  # type: ignore[arg-type]
            case "EC":
                key = ECKey.generate_key("P-256", parameters)  # type: ignore[arg-type]
            case _:
                key = OKPKey.generate_key("Ed25519", parameters)  # type: ignore[arg-type]
        self.published.append(dict(key.as_dict(private=False)))
        return key

    def claims(self, name: str = "ann", **others: Any) -> dict[str, Any]:
        """The claims of a good token; those given as None are left out."""
        now = int(time.time())
        all_of_them = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": name,
            "iat": now,
            "exp": now + 300,
            **others,
        }
        return {key: value for key, value in all_of_them.items() if value is not None}

    def token(
        self,
        name: str = "ann",
        *,
        key: SigningKey | None = None,
        header: dict[str, Any] | None = None,
        **claims: Any,
    ) -> str:
        """Sign a token."""
        key = key or self.key
        first = {"alg": "RS256", "kid": key.kid, **(header or {})}
        said = {name: value for name, value in first.items() if value is not None}
        return jwt.encode(said, self.claims(name, **claims), key, algorithms=[said["alg"]])


def written(*parts: dict[str, Any], signature: bytes = b"") -> str:
    """A token put together by hand."""
    encoded = [_encoded(json.dumps(part).encode()) for part in parts]
    return ".".join([*encoded, _encoded(signature)])


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
