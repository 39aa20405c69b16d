"""The form that every command has in common."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any, TypeVar

import typer
from typer.core import TyperCommand, TyperGroup

F = TypeVar("F", bound=Callable[..., Any])
HELP_NAMES = {"help_option_names": ["-h", "--help"]}


class _Command(TyperCommand):
    def __init__(self, *arguments: Any, **named: Any) -> None:
        named["context_settings"] = HELP_NAMES | (named.get("context_settings") or {})
        super().__init__(*arguments, **named)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        written = list(args)
        try:
            return super().parse_args(ctx, args)
        except typer.BadParameter as error:
            if any(one.name == "output" for one in self.params):
                _hint_at_output(error, written)
            raise


def _hint_at_output(error: typer.BadParameter, args: list[str]) -> None:
    """Add what was meant if a file was given to ``-o``, which names a format here."""
    if error.param is None or error.param.name != "form":
        return
    for flag, value in pairwise(args):
        if flag == "-o" and value.endswith(".ipynb"):
            error.message += f" Did you mean --output {value}?"


class _Group(TyperGroup):
    def __init__(self, *arguments: Any, **named: Any) -> None:
        named["context_settings"] = HELP_NAMES | (named.get("context_settings") or {})
        super().__init__(*arguments, **named)


class _ListingGroup(_Group):
    """Lists when no other subcommand is named: ``kernelyard kernels`` is ``kernels list``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        wants_help = bool(args) and args[0] in HELP_NAMES["help_option_names"]
        if not wants_help and (not args or args[0].startswith("-")):
            args = ["list", *args]
        return super().parse_args(ctx, args)


class CommandApp(typer.Typer):
    """A Typer application whose commands all take ``-h``."""

    def command(self, *arguments: Any, **named: Any) -> Callable[[F], F]:
        return super().command(*arguments, **{"cls": _Command, **named})


def command_app(text: str | None = None) -> CommandApp:
    """Return the application of one command, or of several that list by themselves."""
    return CommandApp(
        cls=_ListingGroup if text is not None else _Group,
        help=text,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
