"""``kernelyard kernelspec``: let Jupyter applications start their kernels in a yard."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kernelyard.cli.command_app import command_app
from kernelyard.cli.complaints import Complaint
from kernelyard.cli.pairs import EnvironmentOption, pairs
from kernelyard.cli.showing import Format, FormatOption, note, show_json, show_table

if TYPE_CHECKING:
    from kernelyard.client import Client, Image

app = command_app("""Let JupyterLab, nbconvert, papermill and their like start kernels in a yard.

A kernelspec is written for them. A kernel that is started with it runs under the server: it is seen
in 'kernelyard kernels', held to its template's limits, and ended with the notebook. The applications
must run on the server's machine, in an environment in which kernelyard is installed, too.

Examples:

  kernelyard kernelspec install --image python3

  kernelyard kernelspec install --url http://127.0.0.1:8700 --image conda/science --template large

  jupyter nbconvert --execute --to notebook --ExecutePreprocessor.kernel_name=yard-python3 a.ipynb

  kernelyard kernelspec remove yard-python3""")

_NO_NAME = re.compile(r"[^a-z0-9._-]+")
_LOGOS = ("logo-32x32.png", "logo-64x64.png", "logo-svg.svg")


@app.command()
def install(  # noqa: PLR0913 - one parameter per flag
    image: Annotated[str, typer.Option(help="What kernels are started from.")] = "python3",
    url: Annotated[
        str | None,
        typer.Option(help="The server. Without it each start looks for one as all commands do."),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(help="Name of the kernelspec; otherwise made of 'yard' and the image."),
    ] = None,
    display_name: Annotated[str | None, typer.Option(help="Name for people.")] = None,
    template: Annotated[str | None, typer.Option(help="Resources and limits of kernels.")] = None,
    env: EnvironmentOption = None,
    data_dir: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Always use the local server of this data directory."),
    ] = None,
    user: Annotated[bool, typer.Option("--user", help="For you alone; so it is anyway.")] = False,
    prefix: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Into an environment's share/jupyter.")
    ] = None,
    sys_prefix: Annotated[
        bool, typer.Option("--sys-prefix", help="Into the environment of this program.")
    ] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Replace one of this name.")] = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Write a kernelspec whose kernels start in the yard. It has no token in it.

    Example: kernelyard kernelspec install --image python3 --template large
    """
    from kernelyard.cli import kernelspec_files as files
    from kernelyard.client import Client

    if sum((user, prefix is not None, sys_prefix)) > 1:
        raise typer.BadParameter("give one of --user, --prefix and --sys-prefix")
    called = _checked(name if name is not None else f"yard-{image}", given=name is not None)
    directory = files.place_of(prefix=prefix, sys_prefix=sys_prefix) / called
    with Client(url, data_dir=data_dir) as yard:
        if template is not None:
            yard.templates.get(template)
        found = yard.images.get(image)
        logos = _logos(yard, found)
    if not found.ready:
        note(f"The image '{image}' cannot start a kernel yet: {found.problem or 'it is disabled'}")
    config: dict[str, object] = {"image": image}
    config |= {"template": template} if template is not None else {}
    config |= {"url": url.rstrip("/")} if url is not None else {}
    config |= {"data_dir": str(data_dir.expanduser().absolute())} if data_dir is not None else {}
    content = files.content_of(
        config,
        display_name=display_name or f"{found.display_name} · yard",
        language=found.language,
        env=pairs(env, "--env"),
    )
    files.write(directory, content, logos, replace=replace)
    if form is Format.JSON:
        show_json({"name": called, "directory": str(directory), "kernelspec": content})
    else:
        typer.echo(f"{called} installed in {directory}")


@app.command("list")
def list_kernelspecs(form: FormatOption = Format.TABLE) -> None:
    """List the kernelspecs whose kernels start in a yard.

    Example: kernelyard kernelspec list
    """
    from kernelyard.cli.kernelspec_files import found

    all_ = list(found())
    if form is Format.JSON:
        show_json(all_)
        return
    show_table(
        ("NAME", "DISPLAY NAME", "IMAGE", "SERVER", "DIRECTORY"),
        [
            (
                one.name,
                one.display_name,
                one.config.get("image", "python3"),
                one.config.get("url") or one.config.get("data_dir") or "as found",
                one.directory,
            )
            for one in all_
        ],
        empty="No kernelspecs. Write one with: kernelyard kernelspec install",
    )


@app.command()
def remove(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the kernelspec.")],
    form: FormatOption = Format.TABLE,
) -> None:
    """Remove a kernelspec whose kernels start in a yard; kernels that run go on.

    Example: kernelyard kernelspec remove yard-python3
    """
    from kernelyard.cli import kernelspec_files as files

    one = next((one for one in files.found() if one.name == name), None)
    if one is None:
        raise Complaint(
            f"There is no kernelspec '{name}' that starts kernels in a yard. "
            "'kernelyard kernelspec list' shows those there are."
        )
    files.remove(one)
    if form is Format.JSON:
        show_json({"removed": name, "directory": str(one.directory)})
    else:
        typer.echo(f"{name} removed from {one.directory}")


def _checked(name: str, *, given: bool) -> str:
    called = _NO_NAME.sub("-", name.lower()).strip("-.")
    if not called or (given and called != name):
        raise typer.BadParameter(
            f"a kernelspec's name is of a to z, 0 to 9, '-', '.' and '_', not {name!r}"
        )
    return called


def _logos(yard: Client, image: Image) -> dict[str, bytes]:
    from kernelyard.client import KernelyardError

    logos: dict[str, bytes] = {}
    for file in set(image.resources) & set(_LOGOS):
        try:
            logos[file] = yard.images.resource(image.name, file)
        except KernelyardError as error:
            note(f"{file} of the image could not be had: {error}")
    return logos
