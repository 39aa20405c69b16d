"""Launch parameters on the command line: KEY=VALUE any number of times, or one JSON object."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kernelyard.cli.pairs import pairs

if TYPE_CHECKING:
    from kernelyard.client import Client

ParamOption = Annotated[
    list[str] | None,
    typer.Option(
        "--param", metavar="KEY=VALUE", help="A launch parameter of the image; may be repeated."
    ),
]
ParamsOption = Annotated[
    str | None, typer.Option("--params", metavar="JSON", help="Launch parameters as a JSON object.")
]


def check_params(texts: Sequence[str] | None, whole: str | None) -> dict[str, Any]:
    """Return the object that ``--params`` gave; exit with a usage error if anything is no parameter."""
    pairs(texts, "--param")
    if whole is None:
        return {}
    try:
        found = json.loads(whole)
    except ValueError as error:
        raise typer.BadParameter(f"it is not JSON: {error}", param_hint="'--params'") from error
    if not isinstance(found, dict):
        raise typer.BadParameter(
            "write an object, such as '{\"level\": 2}'", param_hint="'--params'"
        )
    return found


def parameters_of(
    yard: Client, image: str, texts: Sequence[str] | None, whole: str | None
) -> dict[str, Any]:
    """Return the parameters for a kernel of an image. What its schema says tells 2 from "2"."""
    found, given = check_params(texts, whole), pairs(texts, "--param")
    if not given:
        return found
    properties = yard.images.get(image).parameters.get("properties", {})
    return found | {key: _value(text, properties.get(key)) for key, text in given.items()}


def _value(text: str, rule: object) -> Any:
    """The value that a text stands for: itself where text is wanted, else what it is in JSON."""
    wanted = rule if isinstance(rule, Mapping) else {}
    if wanted.get("type") == "string" or text in (wanted.get("enum") or ()):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text
