"""Options of the form KEY=VALUE, given any number of times."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import typer

LabelOption = Annotated[
    list[str] | None, typer.Option("--label", metavar="KEY=VALUE", help="A label; may be repeated.")
]
EnvironmentOption = Annotated[
    list[str] | None,
    typer.Option("--env", metavar="KEY=VALUE", help="An environment variable; may be repeated."),
]


def pairs(texts: Iterable[str] | None, flag: str) -> dict[str, str]:
    """Return the pairs; exit with a usage error if one has no '='."""
    found: dict[str, str] = {}
    for text in texts or ():
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise typer.BadParameter(f"write {flag} KEY=VALUE, not {text!r}")
        found[key] = value
    return found
