"""``kernelyard resolve``: which image would run a notebook, and why."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kernelyard.cli.command_app import command_app
from kernelyard.cli.complaints import USAGE, Complaint
from kernelyard.cli.connection import DataDirOption, open_client
from kernelyard.cli.showing import Format, FormatOption, note, show_json

if TYPE_CHECKING:
    from kernelyard.client import Client, Resolution

app = command_app()


@app.command()
def resolve(
    notebook: Annotated[Path, typer.Argument(metavar="NOTEBOOK", help="A notebook file.")],
    image: Annotated[
        str | None, typer.Option(help="Choose this image, and remember it for the notebook.")
    ] = None,
    forget: Annotated[
        bool, typer.Option("--forget", help="Forget what was chosen for the notebook before.")
    ] = False,
    data_dir: DataDirOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Print the image that would run a notebook; why goes to standard error.

    In this order: --image; the image chosen for this notebook before, by --image here or of 'run'; 'image' in a file .kernelyard.toml beside the notebook or above; the kernel that the notebook names; its language and version; the only image that is ready.

    Exit status: 0 it prints an image, 1 none fits, 2 wrong usage.

    Examples:

      kernelyard resolve report.ipynb

      kernelyard resolve report.ipynb --image conda/science

      kernelyard resolve report.ipynb --forget
    """
    with open_client(data_dir) as yard:
        found = resolved(yard, notebook, image=image, forget=forget)
    if form is Format.JSON:
        show_json(found)
        return
    typer.echo(found.image)
    say_why(found)


def resolved(
    yard: Client, notebook: Path, *, image: str | None = None, forget: bool = False
) -> Resolution:
    """Return the image for a notebook file; one that is given is remembered. Raises Complaint."""
    try:
        return yard.images.resolve(notebook, image=image, remember=image is not None, forget=forget)
    except OSError as error:
        raise Complaint(f"{notebook} cannot be read: {error.strerror}", status=USAGE) from error


def say_why(found: Resolution) -> None:
    """Say which image it is, why, and what would have decided and could not."""
    for sentence in found.passed_over:
        note(sentence)
    note(f"The image is '{found.image}': {found.because}.")
