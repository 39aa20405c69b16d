"""``kernelyard pool``: kernels that are kept ready before anybody asks for them."""

from __future__ import annotations

from typing import Annotated

import typer

from kernelyard.cli.command_app import command_app
from kernelyard.cli.connection import DataDirOption, open_client
from kernelyard.cli.showing import Format, FormatOption, show_fields, show_json, show_table

app = command_app("""Keep kernels ready, so that creating one takes no time.

An administrator's pool serves everybody, a user's himself.

Examples:

  kernelyard pool set python3 --size 4

  kernelyard pool list

  kernelyard pool remove python3""")

ImageArgument = Annotated[str, typer.Argument(metavar="IMAGE", help="Name of the image.")]
TemplateOption = Annotated[str, typer.Option("--template", help="Template of the kernels.")]


@app.command("list")
def list_pools(data_dir: DataDirOption = None, form: FormatOption = Format.TABLE) -> None:
    """List the pools that serve you; for administrators, all.

    Example: kernelyard pool list
    """
    with open_client(data_dir) as yard:
        found = list(yard.pools.list())
    if form is Format.JSON:
        show_json(found)
        return
    show_table(
        ("IMAGE", "TEMPLATE", "FOR", "TARGET", "READY", "STARTING", "CLAIMED", "MISSED", "REASON"),
        [
            (
                one.image,
                one.template,
                one.owner or "everybody",
                one.target,
                one.ready,
                one.starting,
                one.claimed,
                one.missed,
                one.reason,
            )
            for one in found
        ],
        empty="No pools. Make one with: kernelyard pool set IMAGE --size N",
    )


@app.command("set")
def set_pool(
    image: ImageArgument,
    template: TemplateOption = "default",
    size: Annotated[int, typer.Option(help="Kernels that are ready at first.")] = 1,
    least: Annotated[
        int | None, typer.Option("--min", help="Never fewer; the size unless given.")
    ] = None,
    most: Annotated[
        int | None, typer.Option("--max", help="Never more; the size unless given.")
    ] = None,
    data_dir: DataDirOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Keep kernels of an image and a template ready; set again, the pool gets other sizes.

    Example: kernelyard pool set python3 --template default --size 4 --min 2 --max 8
    """
    with open_client(data_dir) as yard:
        kept = yard.pools.set(image, template=template, size=size, least=least, most=most)
    if form is Format.JSON:
        show_json(kept)
        return
    show_fields(
        {
            "image": kept.image,
            "template": kept.template,
            "for": kept.owner or "everybody",
            "size": kept.size,
            "min": kept.min,
            "max": kept.max,
            "ready": kept.ready,
        }
    )


@app.command()
def remove(
    image: ImageArgument,
    template: TemplateOption = "default",
    owner: Annotated[
        str | None, typer.Option(help="Whose pool it is, for administrators; yours unless given.")
    ] = None,
    data_dir: DataDirOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Keep none ready any more. What waits is ended, and what somebody has taken goes on.

    Example: kernelyard pool remove python3
    """
    with open_client(data_dir) as yard:
        yard.pools.remove(image, template=template, owner=owner)
    if form is Format.JSON:
        show_json({"removed": {"image": image, "template": template}})
    else:
        typer.echo(f"pool of {image} removed")
