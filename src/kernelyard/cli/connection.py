"""How user commands reach a server: the options they share, and the client they open."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kernelyard.cli.runtime_files import default_data_dir
from kernelyard.cli.showing import note

if TYPE_CHECKING:
    from kernelyard.client import Client, Kernel

DataDirOption = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        metavar="DIR",
        help="Use the local server of this data directory, whatever KERNELYARD_URL says.",
    ),
]
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def open_client(data_dir: Path | None) -> Client:
    """Return a client of the server that the user means. Raises NoServerError."""
    from kernelyard.client import Client

    return Client(data_dir=data_dir)


def open_client_or_start(data_dir: Path | None) -> Client:
    """The same; where no server is named and none runs here, one is started in the background."""
    if data_dir is None and os.environ.get("KERNELYARD_URL"):
        return open_client(None)
    from kernelyard.cli.local_server import ensure_server

    place = (data_dir or default_data_dir()).expanduser().resolve()
    _, started = ensure_server(place)
    if started:
        named = "" if data_dir is None else f" --data-dir {place}"
        note(f"Started a server in the background; end it with: kernelyard stop --all{named}")
    return open_client(place)


def kernel_of(yard: Client, id_or_name: str) -> Kernel:
    """Return a kernel by its id, or the live one of that name. Raises NotFoundError."""
    if not _UUID.fullmatch(id_or_name):
        live = ("starting", "idle", "busy", "restarting")
        for kernel in yard.kernels.list(name=id_or_name, state=live, page_size=1):
            return kernel
    return yard.kernels.get(id_or_name)
