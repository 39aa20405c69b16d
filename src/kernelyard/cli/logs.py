"""``kernelyard logs``: what a kernel's process printed beside its outputs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from kernelyard.cli.command_app import command_app
from kernelyard.cli.connection import DataDirOption, kernel_of, open_client
from kernelyard.cli.showing import Format, FormatOption, human_size, note, show_json_line

if TYPE_CHECKING:
    from kernelyard.client import Kernel, KernelLog

app = command_app()
_USUAL_BYTES = 64 * 1024
_MOST_BYTES = 1024 * 1024
_PAUSE = 1.0
_INTERRUPTED = 130


@app.command()
def logs(
    kernel: Annotated[str, typer.Argument(metavar="KERNEL", help="Id or name.")],
    follow: Annotated[
        bool, typer.Option("-f", "--follow", help="Go on until the kernel has ended.")
    ] = False,
    lines: Annotated[
        int | None,
        typer.Option("-n", "--lines", metavar="LINES", min=0, help="Only the last so many lines."),
    ] = None,
    data_dir: DataDirOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Print the end of a kernel's log: what its process printed beside its outputs.

    Warnings of libraries, crashes, what programs print that it started. Only the last part of a log
    is kept. Without -n the last 64 KiB are printed; -n counts lines in the last MiB. With '-o json'
    each piece is one line, with its place in the log.

    Examples:

      kernelyard logs nightly

      kernelyard logs nightly -f -n 20
    """
    if lines is not None and form is Format.JSON:
        raise typer.BadParameter("is for text; leave it out with '-o json'.", param_hint="'-n'")
    with open_client(data_dir) as yard:
        found = kernel_of(yard, kernel)
        try:
            _print(_pieces(found, follow=follow, counted=lines is not None), lines, form)
        except KeyboardInterrupt:
            raise typer.Exit(_INTERRUPTED) from None
        removed = found.info.outputs_removed_at
    if removed is not None:
        when = removed.astimezone().strftime("%Y-%m-%d %H:%M:%S")
        note(f"Its log was removed with its outputs at {when}.")


def _pieces(kernel: Kernel, *, follow: bool, counted: bool) -> Iterator[KernelLog]:
    from kernelyard.client import WaitTimeoutError

    piece = kernel.logs(limit=_MOST_BYTES if counted else _USUAL_BYTES)
    yield piece
    while follow:
        # Asked for before reading: what an ended kernel has printed is then read to its end.
        over = kernel.info.is_final
        piece = kernel.logs(after=piece.end, limit=_MOST_BYTES)
        if piece.text:
            yield piece
        if piece.more:
            continue
        if over:
            return
        try:
            kernel.wait_ended(timeout=_PAUSE)
        except WaitTimeoutError:
            continue


def _print(pieces: Iterator[KernelLog], lines: int | None, form: Format) -> None:
    for number, piece in enumerate(pieces):
        if form is Format.JSON:
            show_json_line(piece)
            continue
        if number == 0 and lines is None and piece.begin and piece.begin == piece.kept_from:
            note(f"[the first {human_size(piece.kept_from)} are no longer kept]")
        text = piece.text if number or lines is None else _last(piece.text, lines)
        sys.stdout.write(text)
        sys.stdout.flush()


def _last(text: str, lines: int) -> str:
    body = text.removesuffix("\n")
    return "\n".join(body.split("\n")[-lines:]) + text[len(body) :] if lines else ""
