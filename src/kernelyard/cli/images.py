"""``kernelyard images``: what kernels can be started from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from kernelyard.cli.command_app import command_app
from kernelyard.cli.connection import DataDirOption, open_client
from kernelyard.cli.showing import Format, FormatOption, note, show_json, show_table

if TYPE_CHECKING:
    from kernelyard.client import Image

app = command_app("""List, register and disable images.

All but listing is for administrators.

Examples:

  kernelyard images

  kernelyard images add my-python:3 --from python3

  kernelyard images disable my-python:3""")

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Name of the image.")]


@app.command("list")
def list_images(
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Look again what is installed.")
    ] = False,
    data_dir: DataDirOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """List the images, with what keeps any of them from starting a kernel.

    Example: kernelyard images list --refresh
    """
    with open_client(data_dir) as yard:
        found = yard.images.list(refresh=refresh)
    if form is Format.JSON:
        show_json({"items": found.items, "broken": found.broken})
        return
    show_table(
        ("NAME", "DISPLAY NAME", "LANGUAGE", "VERSION", "STATE", "PROBLEM"),
        [
            (one.name, one.display_name, one.language, one.version, _state(one), one.problem)
            for one in found
        ],
        empty="No images. Install a kernel, such as ipykernel, and look again with --refresh.",
    )
    for broken in found.broken:
        note(f"The provider '{broken.provider}' is broken: {broken.problem}")


@app.command()
def add(
    name: NameArgument,
    source: Annotated[
        str, typer.Option("--from", metavar="IMAGE", help="The image it stands for.")
    ],
    display_name: Annotated[str | None, typer.Option(help="Name for people.")] = None,
    data_dir: DataDirOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Give an image a further name.

    Example: kernelyard images add my-python:3 --from python3
    """
    with open_client(data_dir) as yard:
        _told(yard.images.register(name, source, display_name=display_name), form)


@app.command()
def disable(
    name: NameArgument, data_dir: DataDirOption = None, form: FormatOption = Format.TABLE
) -> None:
    """Let an image start no new kernels; kernels that exist go on.

    Example: kernelyard images disable my-python:3
    """
    with open_client(data_dir) as yard:
        _told(yard.images.update(name, disabled=True), form)


@app.command()
def enable(
    name: NameArgument, data_dir: DataDirOption = None, form: FormatOption = Format.TABLE
) -> None:
    """Let a disabled image start kernels again.

    Example: kernelyard images enable my-python:3
    """
    with open_client(data_dir) as yard:
        _told(yard.images.update(name, disabled=False), form)


@app.command()
def remove(
    name: NameArgument, data_dir: DataDirOption = None, form: FormatOption = Format.TABLE
) -> None:
    """Take a registered name away; what it stands for stays installed.

    Example: kernelyard images remove my-python:3
    """
    with open_client(data_dir) as yard:
        yard.images.delete(name)
    if form is Format.JSON:
        show_json({"removed": name})
    else:
        typer.echo(f"{name} removed")


def _state(image: Image) -> str:
    if image.disabled:
        return "disabled"
    return "ready" if image.ready else "not ready"


def _told(image: Image, form: Format) -> None:
    if form is Format.JSON:
        show_json(image)
    else:
        typer.echo(f"{image.name} {_state(image)} ({image.reference})")
