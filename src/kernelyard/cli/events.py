"""``kernelyard events``: what happened to kernels, tasks and images, and what happens now."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from kernelyard.cli.command_app import command_app
from kernelyard.cli.connection import DataDirOption, kernel_of, open_client
from kernelyard.cli.showing import Format, FormatOption, GrowingTable, show_json_line

if TYPE_CHECKING:
    from kernelyard.client import Client, Event

app = command_app()
_PAGE = 500
_COLUMNS = {
    "NUMBER": 7,
    "AT": 19,
    "KERNEL": 36,
    "TASK": 36,
    "IMAGE": 12,
    "STATE": 11,
    "REASON": 0,
}
_INTERRUPTED = 130


@app.command()
def events(
    follow: Annotated[
        bool, typer.Option("-f", "--follow", help="Go on until Ctrl-C with what happens next.")
    ] = False,
    after: Annotated[
        int, typer.Option(metavar="NUMBER", min=0, help="Begin after the event of this number.")
    ] = 0,
    new: Annotated[
        bool, typer.Option("--new", help="With -f: leave out what has happened so far.")
    ] = False,
    kernel: Annotated[
        str | None, typer.Option(metavar="ID", help="Only this kernel and its tasks; id or name.")
    ] = None,
    images: Annotated[
        bool, typer.Option("--images", help="Only what becomes of images; goes without --kernel.")
    ] = False,
    data_dir: DataDirOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Print each state that your kernels and tasks have entered, oldest first, and what became of images.

    Administrators see everybody's. With -f, a lost connection is taken up again without a hole or a
    repeat; to go on later, give the last number with --after. With '-o json' each event is one line.
    The events of a deleted kernel vanish with it.

    Examples:

      kernelyard events --kernel nightly

      kernelyard events -f --new

      kernelyard events -f --after 1042 -o json
    """
    if new and (after or not follow):
        raise typer.BadParameter("goes with -f, and not with --after.", param_hint="'--new'")
    if images and kernel is not None:
        raise typer.BadParameter("goes without --kernel.", param_hint="'--images'")
    about = "images" if images else None
    with open_client(data_dir) as yard:
        found = _found(yard, kernel, after, new=new, follow=follow, about=about)
        try:
            _show(found, form)
        except KeyboardInterrupt:
            raise typer.Exit(_INTERRUPTED) from None


def _found(
    yard: Client, kernel: str | None, after: int, *, new: bool, follow: bool, about: str | None
) -> Iterator[Event]:
    one = kernel_of(yard, kernel) if kernel is not None else None
    if not follow:
        return yard.events.list(after, kernel=one, about=about, page_size=_PAGE)
    return yard.events.follow(yard.events.newest() if new else after, kernel=one, about=about)


def _show(found: Iterator[Event], form: Format) -> None:
    if form is Format.JSON:
        for event in found:
            show_json_line(event)
        return
    table = GrowingTable(_COLUMNS)
    for event in found:
        table.add(
            (
                event.number,
                event.at,
                event.kernel_id,
                event.task_id,
                event.image,
                event.state,
                event.reason,
            )
        )
