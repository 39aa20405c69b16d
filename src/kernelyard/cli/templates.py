"""``kernelyard templates``: resources and limits that kernels are made with."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kernelyard.cli.command_app import command_app
from kernelyard.cli.connection import DataDirOption, open_client
from kernelyard.cli.pairs import EnvironmentOption, pairs
from kernelyard.cli.showing import Format, FormatOption, show_fields, show_json, show_table

if TYPE_CHECKING:
    from kernelyard.client import Template

app = command_app("""List, create, change and delete templates.

All but listing is for administrators.

Examples:

  kernelyard templates

  kernelyard templates create small --memory 1Gi --milli-cpu 500 --max-idle 1h

  kernelyard templates update small --memory 2Gi""")

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Name of the template.")]
DisplayName = Annotated[str | None, typer.Option(help="Name for people.")]
MilliCpu = Annotated[int | None, typer.Option(help="Thousandths of a processor; 0 for no limit.")]
Memory = Annotated[
    str | None, typer.Option(metavar="SIZE", help="Such as 512MiB or 4g; 0 for no limit.")
]
Gpu = Annotated[int | None, typer.Option(help="Number of GPUs.")]
Storage = Annotated[str | None, typer.Option(metavar="SIZE", help="Such as 10Gi; 0 for no limit.")]
MaxIdle = Annotated[
    str | None,
    typer.Option(metavar="DURATION", help="End idle kernels after it, such as 1h; 'none' never."),
]
EngineOption = Annotated[
    list[str] | None,
    typer.Option(metavar="KEY=VALUE", help="Option of the engine; VALUE may be JSON. Repeatable."),
]


@app.command("list")
def list_templates(data_dir: DataDirOption = None, form: FormatOption = Format.TABLE) -> None:
    """List the templates.

    Example: kernelyard templates list
    """
    with open_client(data_dir) as yard:
        found = list(yard.templates.list())
    if form is Format.JSON:
        show_json(found)
        return
    show_table(
        ("NAME", "DISPLAY NAME", "MILLI-CPU", "MEMORY", "GPU", "STORAGE", "MAX IDLE", "DISABLED"),
        [
            (
                one.name,
                one.display_name,
                one.milli_cpu_limit or None,
                one.memory_bytes_limit or None,
                one.gpu or None,
                one.storage_bytes or None,
                _idle(one),
                one.disabled,
            )
            for one in found
        ],
        empty="No templates.",
    )


@app.command()
def show(
    name: NameArgument, data_dir: DataDirOption = None, form: FormatOption = Format.TABLE
) -> None:
    """Show everything about a template.

    Example: kernelyard templates show default
    """
    with open_client(data_dir) as yard:
        _told(yard.templates.get(name), form)


@app.command()
def create(  # noqa: PLR0913 - one parameter per flag
    name: NameArgument,
    display_name: DisplayName = None,
    milli_cpu: MilliCpu = None,
    memory: Memory = None,
    gpu: Gpu = None,
    storage: Storage = None,
    env: EnvironmentOption = None,
    max_idle: MaxIdle = None,
    engine_option: EngineOption = None,
    data_dir: DataDirOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Make a template; what is left out is without limit.

    Example: kernelyard templates create small --memory 1Gi --milli-cpu 500 --max-idle 1h
    """
    fields = _fields(
        display_name=display_name,
        milli_cpu_limit=milli_cpu,
        memory_bytes_limit=memory,
        gpu=gpu,
        storage_bytes=storage,
        environment=pairs(env, "--env") or None,
        engine_options=_options(engine_option),
    )
    with open_client(data_dir) as yard:
        _told(yard.templates.create(name, **fields, **_max_idle(max_idle)), form)


@app.command()
def update(  # noqa: PLR0913 - one parameter per flag
    name: NameArgument,
    display_name: DisplayName = None,
    milli_cpu: MilliCpu = None,
    memory: Memory = None,
    gpu: Gpu = None,
    storage: Storage = None,
    env: EnvironmentOption = None,
    max_idle: MaxIdle = None,
    engine_option: EngineOption = None,
    disabled: Annotated[
        bool | None, typer.Option("--disable/--enable", help="Let it make no new kernels.")
    ] = None,
    data_dir: DataDirOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Change what is given; kernels that exist keep what they were made with.

    --env and --engine-option replace all that were set before.

    Example: kernelyard templates update small --memory 2Gi --max-idle none
    """
    fields = _fields(
        display_name=display_name,
        milli_cpu_limit=milli_cpu,
        memory_bytes_limit=memory,
        gpu=gpu,
        storage_bytes=storage,
        environment=pairs(env, "--env") or None,
        engine_options=_options(engine_option),
        disabled=disabled,
    )
    with open_client(data_dir) as yard:
        _told(yard.templates.update(name, **fields, **_max_idle(max_idle)), form)


@app.command()
def delete(
    name: NameArgument, data_dir: DataDirOption = None, form: FormatOption = Format.TABLE
) -> None:
    """Remove a template; kernels that exist keep what they were made with.

    Example: kernelyard templates delete small
    """
    with open_client(data_dir) as yard:
        yard.templates.delete(name)
    if form is Format.JSON:
        show_json({"deleted": name})
    else:
        typer.echo(f"{name} deleted")


def _fields(**fields: Any) -> Any:
    return {name: value for name, value in fields.items() if value is not None}


def _max_idle(text: str | None) -> Any:
    if text is None:
        return {}
    return {"max_idle_duration": None if text.lower() == "none" else text}


def _options(texts: Iterable[str] | None) -> dict[str, Any] | None:
    """Options whose values are JSON where they can be read so, else plain text."""
    found: dict[str, Any] = {}
    for key, text in pairs(texts, "--engine-option").items():
        try:
            found[key] = json.loads(text)
        except ValueError:
            found[key] = text
    return found or None


def _idle(template: Template) -> str | None:
    seconds = template.max_idle_duration
    return None if seconds is None else f"{seconds:g} s"


def _told(template: Template, form: Format) -> None:
    if form is Format.JSON:
        show_json(template)
        return
    show_fields(
        {
            "name": template.name,
            "display name": template.display_name,
            "milli-CPU": template.milli_cpu_limit or None,
            "memory": template.memory_bytes_limit or None,
            "GPUs": template.gpu or None,
            "storage": template.storage_bytes or None,
            "environment": template.environment,
            "max idle": _idle(template),
            "engine options": template.engine_options,
            "disabled": template.disabled,
        }
    )
