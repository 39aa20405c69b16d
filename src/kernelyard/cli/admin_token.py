"""The administrator's token: preset, found in the data directory, or made at the first start."""

from __future__ import annotations

import ipaddress
import secrets
import socket
from dataclasses import dataclass, replace
from pathlib import Path

from kernelyard.cli.complaints import Complaint
from kernelyard.cli.runtime_files import write_private
from kernelyard.settings import Settings

TOKEN_FILE = "admin-token"  # noqa: S105 - the name of a file
SHORTEST = 8


@dataclass(frozen=True, slots=True)
class AdminToken:
    """The token, the file that holds it, and whether it was made just now."""

    text: str
    file: Path | None
    fresh: bool = False


def find_admin_token(settings: Settings) -> AdminToken | None:
    """Return the token that is preset or was made before; None at the very first start."""
    if settings.admin_token is not None:
        text = settings.admin_token.get_secret_value()
        return AdminToken(_checked(text, "KERNELYARD_ADMIN_TOKEN"), None)
    if settings.admin_token_file is not None:
        return _read(settings.admin_token_file)
    own = settings.data_dir / TOKEN_FILE
    return _read(own) if own.exists() else None


def make_admin_token() -> AdminToken:
    """Make a token; ``kept_admin_token`` keeps it."""
    return AdminToken(f"ky_{secrets.token_urlsafe(32)}", None, fresh=True)


def kept_admin_token(token: AdminToken, data_dir: Path) -> AdminToken:
    """Return ``token``, written into the data directory if it was made just now."""
    if not token.fresh:
        return token
    path = data_dir / TOKEN_FILE
    write_private(path, token.text + "\n")
    return replace(token, file=path)


def check_listening(settings: Settings, token: AdminToken | None) -> None:
    """Refuse to listen where others can reach us before anybody has chosen a token."""
    if token is None and not is_loopback(settings.host):
        raise Complaint(
            f"refusing to listen on {settings.host} without an administrator's token: set "
            "KERNELYARD_ADMIN_TOKEN or --admin-token-file, or start once on 127.0.0.1, which makes "
            f"{settings.data_dir / TOKEN_FILE}"
        )


def is_loopback(host: str) -> bool:
    """Whether ``host`` can be reached from this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        pass
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return False
    return bool(found) and all(ipaddress.ip_address(one[4][0]).is_loopback for one in found)


def _read(path: Path) -> AdminToken:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise Complaint(
            f"the administrator's token cannot be read from {path}: {reason}"
        ) from error
    return AdminToken(_checked(text, str(path)), path)


def _checked(text: str, where: str) -> str:
    token = text.strip()
    if len(token) < SHORTEST or not token.isascii() or any(c.isspace() for c in token):
        raise Complaint(
            f"the administrator's token in {where} must be {SHORTEST} or more ASCII characters "
            "without spaces; make one with: openssl rand -hex 24"
        )
    return token
