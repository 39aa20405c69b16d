"""Which server to talk to, and with which token.

Arguments win over ``KERNELYARD_URL`` and ``KERNELYARD_TOKEN``; these win over the file that a local
server leaves in its data directory while it runs.
"""

from __future__ import annotations

import ipaddress
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx
from platformdirs import user_data_dir

from kernelyard.client.errors import KernelyardError, NoServerError

RUNTIME_FILE = "server.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerAddress:
    """Where a server is and how to be let in."""

    url: str
    token: str | None = field(default=None, repr=False)
    source: str
    """Where the address comes from, for messages."""
    runtime_file: Path | None = None
    """Set where the address came from there, so that it can be read again."""
    token_is_given: bool = False
    """Whether the token came from an argument or the environment."""

    @property
    def is_loopback(self) -> bool:
        host = httpx.URL(self.url).host
        if host == "localhost":
            return True
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return False


def find_server(
    url: str | None = None,
    token: str | None = None,
    *,
    data_dir: str | os.PathLike[str] | None = None,
    environ: Mapping[str, str] | None = None,
) -> ServerAddress:
    """Return the server to use; raise NoServerError if none is named and none is found.

    ::

        find_server()                               # environment, or the local server
        find_server("https://yard.example", token)  # this one
    """
    env = os.environ if environ is None else environ
    named = url or (None if data_dir else env.get("KERNELYARD_URL"))
    runtime = runtime_file(data_dir, environ=env)
    local = _read(runtime)
    token = token or None
    if token is None and not (data_dir and local is not None and local.token):
        # Whoever names a data directory means its server, whose token lies there.
        token = env.get("KERNELYARD_TOKEN") or None
    if named:
        address = ServerAddress(
            url=_checked(named),
            token=token,
            source="the url argument" if url else "KERNELYARD_URL",
            token_is_given=token is not None,
        )
        if token is None and local is not None and local.url == address.url:
            return replace(address, token=local.token)
        return address
    if local is None:
        raise NoServerError(
            f"There is no server: none runs with the data directory {runtime.parent}, and "
            "KERNELYARD_URL is not set. Start one with 'kernelyard serve', or set KERNELYARD_URL "
            "and KERNELYARD_TOKEN."
        )
    return local if token is None else replace(local, token=token, token_is_given=True)


def runtime_file(
    data_dir: str | os.PathLike[str] | None = None, *, environ: Mapping[str, str] | None = None
) -> Path:
    """Return the file in which a local server says where it is."""
    env = os.environ if environ is None else environ
    directory = data_dir or env.get("KERNELYARD_DATA_DIR") or user_data_dir("kernelyard")
    return Path(directory).expanduser().absolute() / RUNTIME_FILE


def read_again(address: ServerAddress) -> ServerAddress:
    """Return where the server is now; a local one may have come back on another port."""
    if address.runtime_file is None:
        return address
    try:
        now = _read(address.runtime_file)
    except KernelyardError:
        return address
    if now is None:
        return address
    if address.token_is_given:
        return replace(now, token=address.token, token_is_given=True)
    return now


def _read(path: Path) -> ServerAddress | None:
    try:
        said = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    url = said.get("url") if isinstance(said, dict) else None
    if not isinstance(url, str):
        return None
    token_file = said.get("token_file")
    token = _token(Path(token_file)) if isinstance(token_file, str) else None
    return ServerAddress(url=_checked(url), token=token, source=str(path), runtime_file=path)


def _token(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8").strip() or None
    except OSError:
        return None


def _checked(url: str) -> str:
    try:
        parsed = httpx.URL(url.strip())
    except (httpx.InvalidURL, TypeError) as error:
        raise _bad_url(url) from error
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise _bad_url(url)
    if parsed.query or parsed.fragment or parsed.userinfo:
        raise KernelyardError(
            "The server's address holds more than host, port and path. "
            "Give the token as KERNELYARD_TOKEN or as an argument, not in the address."
        )
    return str(parsed).rstrip("/")


def _bad_url(url: str) -> KernelyardError:
    return KernelyardError(
        f"{url!r} is no server's address. Write it as 'http://127.0.0.1:8700' or "
        "'https://yard.example/base'."
    )
