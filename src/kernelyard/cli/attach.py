"""``kernelyard attach``: take in a kernel that somebody else has started."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kernelyard.cli.command_app import command_app
from kernelyard.cli.connection import DataDirOption, open_client_or_start
from kernelyard.cli.pairs import LabelOption, pairs
from kernelyard.cli.showing import Format, FormatOption, note, plain, show_json

if TYPE_CHECKING:
    from kernelyard.client import Kernel

app = command_app()


class InterruptBy(StrEnum):
    """How a kernel is interrupted."""

    MESSAGE = "message"
    SIGNAL = "signal"


@app.command()
def attach(  # noqa: PLR0913 - one parameter per flag
    connection_file: Annotated[
        str,
        typer.Argument(
            help="The kernel's connection file, or its name in Jupyter's runtime directory."
        ),
    ],
    name: Annotated[str | None, typer.Option(help="Name, unique among your live kernels.")] = None,
    template: Annotated[
        str, typer.Option(help="Template; its idle and life limits let go of the kernel.")
    ] = "default",
    label: LabelOption = None,
    pid: Annotated[
        int | None, typer.Option(min=2, help="The kernel's process, where it is not found.")
    ] = None,
    interrupt_by: Annotated[
        InterruptBy, typer.Option(help="How it is interrupted.")
    ] = InterruptBy.MESSAGE,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Wait until it has answered.")
    ] = True,
    data_dir: DataDirOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Attach a kernel that you did not start here, and print its id.

    It runs tasks and keeps their outputs like any other. It is never restarted, and 'kernelyard detach' lets go of it: it goes on with its variables.

    Examples:

      kernelyard attach /run/user/1000/jupyter/kernel-1234.json --name theirs

      kernelyard attach kernel-1234.json

      kernelyard detach theirs

      kernelyard kernels terminate theirs --shut-down
    """
    from kernelyard.client.connection_files import content_of

    content = content_of(file_of(connection_file))
    labels = pairs(label, "--label")
    with open_client_or_start(data_dir) as yard:
        kernel = yard.kernels.attach(
            content,
            name=name,
            template=template,
            labels=labels,
            pid=pid,
            interrupt_by=interrupt_by.value,
        )
        if wait:
            kernel.wait_ready()
    if not kernel.created:
        note(f"It is attached already{_named(kernel)}.")
    if form is Format.JSON:
        show_json({**plain(kernel.info), "created": kernel.created})
    else:
        typer.echo(kernel.id)


def _named(kernel: Kernel) -> str:
    return f" as '{kernel.info.name}'" if kernel.info.name else ""


def file_of(text: str) -> Path:
    """The file itself, or that of this name where Jupyter keeps those of running kernels."""
    path = Path(text).expanduser()
    if path.exists() or path.name != text:
        return path
    try:
        from jupyter_core.paths import jupyter_runtime_dir
    except ImportError:
        return path
    runtime = Path(jupyter_runtime_dir())
    for name in (text, f"{text}.json", f"kernel-{text}.json"):
        if (runtime / name).exists():
            return runtime / name
    return path
