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
    from kernelyard.client import Client, Kernel, NotFoundError, Task

DataDirOption = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        metavar="DIR",
        help="Use the local server of this data directory, whatever KERNELYARD_URL says.",
    ),
]
_LIVE = ("starting", "idle", "busy", "restarting")
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
    """Return a kernel by its id, the live one of that name, or else the newest that had it.

    Raises NotFoundError, which names it.
    """
    from kernelyard.client import NotFoundError

    if not _UUID.fullmatch(id_or_name):
        for states in (_LIVE, None):
            for kernel in yard.kernels.list(name=id_or_name, state=states, page_size=1):
                return kernel
    try:
        return yard.kernels.get(id_or_name)
    except NotFoundError as error:
        raise _named(error, "kernel", id_or_name) from error


def live_kernel(yard: Client, name: str) -> Kernel | None:
    """Return your live kernel of that name."""
    return next(iter(yard.kernels.list(name=name, state=_LIVE, page_size=1)), None)


def task_of(yard: Client, task_id: str) -> Task:
    """Return a task by its id. Raises NotFoundError, which names it."""
    from kernelyard.client import NotFoundError

    try:
        return yard.tasks.get(task_id)
    except NotFoundError as error:
        raise _named(error, "task", task_id) from error


def say_whether_made(kernel: Kernel, name: str) -> None:
    """Say whether there is a new kernel of the name, or one that has its variables already."""
    if kernel.created:
        note(f"Made the kernel {kernel.id} of the name '{name}'.")
    else:
        note(f"Using the live kernel {kernel.id} of that name.")


def _named(error: NotFoundError, kind: str, identity: str) -> NotFoundError:
    return type(error)(
        f"There is no {kind} '{identity}'. 'kernelyard {kind}s' lists yours.",
        status=error.status,
        code=error.code,
        request_id=error.request_id,
    )
