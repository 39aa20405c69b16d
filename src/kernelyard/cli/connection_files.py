"""Our files in Jupyter's runtime directory, and their end: Jupyter takes the newest, dead or not."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from kernelyard.client import KernelyardError, NotFoundError

if TYPE_CHECKING:
    from kernelyard.client import Client

_SERVER = "kernelyard_server"
_MOST_LOOKED_AT = 100
_LARGEST = 64 * 1024
_SECONDS = 1.0


def runtime_file(kernel_id: str) -> Path:
    """Where Jupyter's own clients look for the files of running kernels."""
    from jupyter_core.paths import jupyter_runtime_dir

    return Path(jupyter_runtime_dir()) / f"kernel-{kernel_id}.json"


def marked(info: dict[str, str | int], yard: Client) -> dict[str, str | int]:
    """Return the content of a file with the mark by which it is known to be ours."""
    return {**info, _SERVER: yard.url}


def remove_dead(yard: Client) -> None:
    """Remove the files of kernels of this server that have ended. Never fails."""
    place = runtime_file("").parent
    try:
        for file in sorted(place.glob("kernel-*.json"))[:_MOST_LOOKED_AT]:
            info = _read(file)
            if info.get(_SERVER) == yard.url and _is_dead(yard, info):
                file.unlink(missing_ok=True)
    except (KernelyardError, OSError):
        return


def remove_file(kernel_id: str) -> None:
    """Remove the file of one kernel, if it is one of ours."""
    file = runtime_file(kernel_id)
    if _SERVER in _read(file):
        file.unlink(missing_ok=True)


def _is_dead(yard: Client, info: dict[str, object]) -> bool:
    try:
        return yard.kernels.get(str(info.get("kernel_id"))).info.is_final
    except NotFoundError:
        # It was deleted, or belongs to somebody whose token this is not.
        return not _listens(info)


def _listens(info: dict[str, object]) -> bool:
    ip, port = info.get("ip"), info.get("shell_port")
    if not isinstance(ip, str) or not isinstance(port, int):
        return True
    try:
        socket.create_connection((ip, port), timeout=_SECONDS).close()
    except ConnectionRefusedError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def _read(file: Path) -> dict[str, object]:
    """The content of a file; nothing if it is none of ours for its form."""
    try:
        with file.open("rb") as opened:
            found = json.loads(opened.read(_LARGEST))
    except (OSError, ValueError):
        return {}
    return (
        found if isinstance(found, dict) and file.stem == f"kernel-{found.get('kernel_id')}" else {}
    )
