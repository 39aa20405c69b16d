"""Where the code of a command comes from: a file, standard input, or the command line."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from kernelyard.cli.complaints import USAGE, Complaint

FileArgument = Annotated[
    str | None,
    typer.Argument(metavar="FILE", help="A program or notebook; '-' reads standard input."),
]
CodeOption = Annotated[str | None, typer.Option("-c", "--code", help="The code itself.")]


def notebook_of(file: str | None, code: str | None) -> Path | None:
    """Return the path if the source is a notebook; complain if there is not exactly one source."""
    if (file is None) == (code is None):
        raise typer.BadParameter("give either a FILE, '-' for standard input, or -c CODE")
    return Path(file) if file is not None and file.lower().endswith(".ipynb") else None


def code_of(file: str | None, code: str | None) -> str:
    """Return the code. Raises Complaint if it cannot be read as text."""
    if code is not None:
        return code
    try:
        if file == "-":
            return sys.stdin.buffer.read().decode("utf-8-sig")
        return Path(file or "").read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise Complaint(f"{file} is not text in UTF-8", status=USAGE) from error
    except OSError as error:
        raise Complaint(f"{file} cannot be read: {error.strerror}", status=USAGE) from error
