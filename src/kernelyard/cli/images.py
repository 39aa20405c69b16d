"""``kernelyard images``: what kernels can be started from."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from kernelyard.cli.command_app import command_app
from kernelyard.cli.connection import DataDirOption, open_client
from kernelyard.cli.showing import (
    Format,
    FormatOption,
    GrowingTable,
    note,
    show_fields,
    show_json,
    show_json_line,
    show_table,
)

if TYPE_CHECKING:
    from kernelyard.client import Event, Image, ImageList

app = command_app("""List, watch, register and disable images.

All but listing is for administrators.

Examples:

  kernelyard images

  kernelyard images --refresh      look again what is installed

  kernelyard images --watch        go on until Ctrl-C with what changes

  kernelyard images add my-python:3 --from python3

  kernelyard images disable my-python:3""")

_CHANGES = {"AT": 19, "IMAGE": 24, "STATE": 9, "REASON": 0}
_INTERRUPTED = 130
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Name of the image.")]


@app.command("list")
def list_images(
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Look again what is installed.")
    ] = False,
    watch: Annotated[
        bool,
        typer.Option("--watch", help="Go on until Ctrl-C with what is found, changes and goes."),
    ] = False,
    data_dir: DataDirOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """List the images, with what keeps any of them from starting a kernel, and how they start one.

    START is 'fork' where a kernel is forked now from a process that has everything imported, and else
    'exec' with the reason.

    With --watch and '-o json' the list is one line, and each change is one.

    Examples:

      kernelyard images list --refresh

      kernelyard images --watch
    """
    with open_client(data_dir) as yard:
        # Before the list: what changes meanwhile is told, though perhaps listed already.
        newest = yard.events.newest() if watch else 0
        _list(yard.images.list(refresh=refresh), form, one_line=watch)
        if not watch:
            return
        try:
            _watch(yard.events.follow(newest, about="images"), form)
        except KeyboardInterrupt:
            raise typer.Exit(_INTERRUPTED) from None


@app.command()
def show(
    name: NameArgument, data_dir: DataDirOption = None, form: FormatOption = Format.TABLE
) -> None:
    """Show everything about an image, with the launch parameters that it takes.

    Example: kernelyard images show python3
    """
    with open_client(data_dir) as yard:
        image = yard.images.get(name)
    if form is Format.JSON:
        show_json(image)
        return
    show_fields(
        {
            "name": image.name,
            "reference": image.reference,
            "display name": image.display_name,
            "language": image.language,
            "version": image.version,
            "state": _state(image),
            "problem": image.problem,
            "start": _start(image),
            "files": ", ".join(image.resources),
        }
        | {
            f"parameter {key}": json.dumps(rule, ensure_ascii=False)
            for key, rule in image.parameters.get("properties", {}).items()
        }
    )


def _list(found: ImageList, form: Format, *, one_line: bool) -> None:
    if form is Format.JSON:
        told = {
            "items": found.items,
            "broken": found.broken,
            "slow": found.slow,
            "hidden": found.hidden,
        }
        (show_json_line if one_line else show_json)(told)
        return
    show_table(
        ("NAME", "DISPLAY NAME", "LANGUAGE", "VERSION", "STATE", "PROBLEM", "START"),
        [
            (
                one.name,
                one.display_name,
                one.language,
                one.version,
                _state(one),
                one.problem,
                _start(one),
            )
            for one in found
        ],
        empty="No images. Install a kernel, such as ipykernel, and look again with --refresh.",
    )
    for broken in found.broken:
        shown = (
            f" Its list of {broken.listed_at:%H:%M:%S} UTC is shown." if broken.listed_at else ""
        )
        note(f"The provider '{broken.provider}' is broken: {broken.problem}{shown}")
    for slow in found.slow:
        note(
            f"The provider '{slow.provider}' is slow: its list of {slow.listed_at:%H:%M:%S} UTC is "
            "shown while it looks again."
        )
    for hidden in found.hidden:
        note(f"The image '{hidden.reference}' is hidden: {hidden.reason}")
    sys.stdout.flush()


def _watch(changes: Iterator[Event], form: Format) -> None:
    if form is Format.JSON:
        for change in changes:
            show_json_line(change)
        return
    table = GrowingTable(_CHANGES)
    for change in changes:
        table.add((change.at, change.image, change.state, change.reason))


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


def _start(image: Image) -> str:
    return f"{image.start} ({image.start_reason})" if image.start_reason else image.start


def _told(image: Image, form: Format) -> None:
    if form is Format.JSON:
        show_json(image)
    else:
        typer.echo(f"{image.name} {_state(image)} ({image.reference})")
