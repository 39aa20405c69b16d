"""Flags for every setting, made from the settings themselves so that none can be forgotten."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, get_args, get_origin

import typer

from kernelyard.cli.showing import Format, FormatOption
from kernelyard.settings import ENVIRONMENT_ONLY, Settings, flag_of, variable_of

Body = Callable[[Path | None, dict[str, Any]], None]


def with_setting_flags(body: Body, *, with_format: bool = False) -> Callable[..., None]:
    """Return a command that takes ``--config`` and a flag per setting and calls ``body`` with them.

    A flag that was not given is None: the environment, the file and the default decide.
    ``with_format`` adds ``-o``, which comes as the flag ``form``.
    """

    def command(config: Path | None = None, **flags: Any) -> None:
        body(config, flags)

    parameters = [_parameter("config", Path, "--config", "TOML file with settings.", "FILE")]
    parameters += [
        _parameter(name, *_type_of(name), _help_of(name), _metavar_of(name))
        for name in Settings.model_fields
        if name not in ENVIRONMENT_ONLY
    ]
    if with_format:
        parameters.append(
            inspect.Parameter(
                "form",
                inspect.Parameter.KEYWORD_ONLY,
                default=Format.TABLE,
                annotation=FormatOption,
            )
        )
    command.__name__ = getattr(body, "__name__", "command")
    command.__doc__ = body.__doc__
    command.__annotations__ = {one.name: one.annotation for one in parameters} | {"return": None}
    vars(command)["__signature__"] = inspect.Signature(parameters)
    return command


def _parameter(
    name: str, kind: Any, flag: str, text: str, metavar: str | None
) -> inspect.Parameter:
    option = typer.Option(flag, help=text, metavar=metavar, show_default=False)
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[kind | None, option],
    )


def _type_of(name: str) -> tuple[Any, str]:
    """The type for the command line, and the flag with its negation where it is a switch."""
    kind = _plain(Settings.model_fields[name].annotation)
    if kind is bool:
        return bool, f"{flag_of(name)}/{flag_of('no_' + name)}"
    return (Path if kind is Path else str), flag_of(name)


def _plain(annotation: Any) -> Any:
    if get_origin(annotation) is UnionType:
        return next(kind for kind in get_args(annotation) if kind is not NoneType)
    return annotation


def _help_of(name: str) -> str:
    field = Settings.model_fields[name]
    default = "the platform's user data directory" if field.default_factory else field.default
    told = "" if default in (None, False, "") else f" Default: {default}."
    return f"{field.description}{told} [{variable_of(name)}]"


def _metavar_of(name: str) -> str | None:
    annotation = _plain(Settings.model_fields[name].annotation)
    if annotation is bool:
        return None
    if get_origin(annotation) is Literal:
        return "|".join(get_args(annotation))
    if name.endswith("_file"):
        return "FILE"
    return {"data_dir": "DIR", "port": "PORT"}.get(name, "VALUE")
