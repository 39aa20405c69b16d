"""Which server ``login`` takes, with which token, and how the token gets into requests."""

from __future__ import annotations

import os
import ssl
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path

import httpx

from kernelyard.client import Client, find_server
from kernelyard.compat.h2o_notebook.exception import LoginException

ENVIRONMENT = "H2O_CLOUD_ENVIRONMENT"
PLATFORM_TOKEN = "H2O_CLOUD_CLIENT_PLATFORM_TOKEN"  # noqa: S105 - the name of a variable
CONFIG = "H2OCONFIG"
TokenProvider = Callable[[], str]


def client_of(
    environment: str | None,
    token_provider: TokenProvider | None,
    platform_token: str | None,
    config_path: str | None,
    verify: ssl.SSLContext | None,
) -> Client:
    """Return the client of the server that is meant. Raises LoginException and what the client raises."""
    url, token = _named(environment, platform_token, config_path, os.environ)
    if token_provider is not None:
        token = token_provider()
    transport = None
    if token_provider is not None or verify is not None:
        transport = _Transport(token_provider, verify)
    if url is None:
        return Client(token=token, transport=transport)
    environ = dict(os.environ)
    if environment is None:
        environ.pop("KERNELYARD_TOKEN", None)
    address = find_server(url, token, environ=environ)
    if address.token is None:
        raise LoginException(
            f"There is no token for {address.url}. Set {PLATFORM_TOKEN}, or give platform_token= or "
            "token_provider=. 'kernelyard token create' makes one."
        )
    return Client(address.url, address.token, transport=transport)


def context_of(verify_ssl: bool, ssl_ca_cert: str | None) -> ssl.SSLContext | None:
    """Return how certificates are checked; None for the usual way."""
    if verify_ssl and ssl_ca_cert is None:
        return None
    context = ssl.create_default_context(cafile=ssl_ca_cert)
    if not verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


class _Transport(httpx.HTTPTransport):
    """Asks for the token before each request, for those that are renewed."""

    def __init__(self, token_provider: TokenProvider | None, verify: ssl.SSLContext | None) -> None:
        super().__init__(verify=True if verify is None else verify, trust_env=False)
        self._token_provider = token_provider

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send it."""
        if self._token_provider is not None:
            request.headers["Authorization"] = f"Bearer {self._token_provider()}"
        return super().handle_request(request)


def _named(
    environment: str | None,
    platform_token: str | None,
    config_path: str | None,
    environ: Mapping[str, str],
) -> tuple[str | None, str | None]:
    """Server and token as somebody has said them; None is left to the client to find.

    An address comes with its own token: one that is kept for one server is not shown to another.
    """
    given = environment is not None or config_path is not None
    if not given and environ.get("KERNELYARD_URL"):
        return None, platform_token
    file = _config(config_path or environ.get(CONFIG))
    endpoint = file.get("Endpoint", "")
    url = environment or environ.get(ENVIRONMENT) or endpoint
    if not url:
        return None, platform_token
    token = platform_token or environ.get(PLATFORM_TOKEN)
    if not token and url.rstrip("/") == endpoint.rstrip("/"):
        token = file.get("PlatformToken")
    return url, token or None


def _config(path: str | None) -> dict[str, str]:
    if not path:
        return {}
    try:
        said = tomllib.loads(Path(path).expanduser().read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise LoginException(f"The configuration {path} cannot be read: {error}") from error
    return {key: value for key, value in said.items() if isinstance(value, str)}
