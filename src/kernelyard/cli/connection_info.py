"""``kernelyard connection-info``: a file with which plain Jupyter clients join a kernel."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kernelyard.cli.command_app import command_app
from kernelyard.cli.complaints import USAGE, Complaint
from kernelyard.cli.connection import DataDirOption, kernel_of, open_client
from kernelyard.cli.showing import Format, FormatOption, note, show_json

if TYPE_CHECKING:
    from kernelyard.client import Client

app = command_app()


@app.command("connection-info")
def connection_info(
    kernel: Annotated[str, typer.Argument(metavar="KERNEL", help="Id or name.")],
    output: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Where to write; '-' prints the content. Jupyter's runtime directory if not given.",
        ),
    ] = None,
    close: Annotated[
        bool,
        typer.Option("--close", help="Send Jupyter clients away; files written so far are void."),
    ] = False,
    data_dir: DataDirOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Let plain Jupyter clients join a kernel: write a connection file and print its path.

    The file is good on the kernel's machine, until the kernel ends, over all its restarts. Whoever can read it can run code on the kernel, so only you can.

    Examples:

      kernelyard connection-info nightly

      jupyter console --existing "$(kernelyard connection-info nightly)"

      kernelyard connection-info nightly --output nightly.json

      kernelyard connection-info nightly --close
    """
    if close and output is not None:
        raise Complaint("--close writes no file; leave --output out.", status=USAGE)
    from kernelyard.cli.connection_files import marked, remove_dead, remove_file, runtime_file

    with open_client(data_dir) as yard:
        found = kernel_of(yard, kernel)
        if close:
            found.close_connection()
            remove_file(found.id)
            remove_dead(yard)
            typer.echo(f"{found.id} closed")
            return
        info = found.connection_info()
        warn_elsewhere(yard)
        if output is None:
            remove_dead(yard)
            info = marked(info, yard)
    content = json.dumps(info, indent=2) + "\n"
    if output == "-":
        sys.stdout.write(content)
        return
    file = runtime_file(found.id) if output is None else Path(output).expanduser()
    _write_private(file, content, made=output is None)
    if form is Format.JSON:
        show_json({"kernel_id": found.id, "file": str(file)})
    else:
        typer.echo(file)


def warn_elsewhere(yard: Client) -> None:
    """Say where the file can be used, if that is not here."""
    if yard.is_local:
        return
    note(
        f"The server {yard.url} is not on this machine: the file is good on the machine of "
        "its kernels only. Take it there, or reach it with: jupyter console --existing FILE --ssh "
        "THAT_MACHINE"
    )


def _write_private(file: Path, content: str, *, made: bool) -> None:
    """Write a file that only its owner may read, whole or not at all; ``made``: its directory, too."""
    if made:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if file.is_dir():
        raise Complaint(f"{file} is a directory; name a file with --output.")
    descriptor, temporary = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
            opened.write(content)
        Path(temporary).replace(file)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
