"""``kernelyard templates``: resources and limits that kernels are made with."""

from __future__ import annotations

import json
from collections.abc import Iterable
from enum import StrEnum
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

  kernelyard templates create data --preload numpy --preload pandas

  kernelyard templates update small --memory 2Gi""")


class RestartPolicy(StrEnum):
    """What is done when a kernel's process died."""

    NEVER = "never"
    ON_DEATH = "on-death"


class QueuePolicy(StrEnum):
    """What becomes of the queue of a kernel that is started again."""

    KEEP = "keep"
    CANCEL = "cancel"


class StartWay(StrEnum):
    """How kernels are started."""

    AUTO = "auto"
    EXEC = "exec"


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
CpuSeconds = Annotated[
    int | None, typer.Option(help="Processor time of one process in all; 0 for no limit.")
]
Processes = Annotated[
    int | None, typer.Option(help="Processes and threads at once; 0 for no limit.")
]
FileSize = Annotated[
    str | None, typer.Option(metavar="SIZE", help="Of any one file; 0 for no limit.")
]
MaxLife = Annotated[
    str | None,
    typer.Option(metavar="DURATION", help="End kernels at that age, such as 12h; 'none' never."),
]
AttachedKeeps = Annotated[
    bool | None,
    typer.Option(
        "--attached-keeps-alive/--attached-may-idle",
        help="Whether a client that follows a kernel keeps it from being idle.",
    ),
]
Restart = Annotated[
    RestartPolicy | None, typer.Option(help="Whether kernels that died are started again.")
]
QueueOnDeath = Annotated[
    QueuePolicy | None, typer.Option(help="What becomes of queued tasks then.")
]
Preload = Annotated[
    list[str] | None,
    typer.Option(
        metavar="MODULE",
        help="Have it imported in the process that kernels are forked from. Repeatable.",
    ),
]
Start = Annotated[
    StartWay | None,
    typer.Option(help="Fork kernels where that is safe, or start each as a new program."),
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
                _seconds(one.max_idle_duration),
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
    max_life: MaxLife = None,
    cpu_seconds: CpuSeconds = None,
    processes: Processes = None,
    file_size: FileSize = None,
    attached_keeps_alive: AttachedKeeps = None,
    restart_policy: Restart = None,
    queue_on_death: QueueOnDeath = None,
    preload: Preload = None,
    start: Start = None,
    engine_option: EngineOption = None,
    data_dir: DataDirOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Make a template; what is left out is without limit.

    Example: kernelyard templates create small --memory 1Gi --max-idle 1h --restart-policy on-death
    """
    fields = _fields(
        display_name=display_name,
        milli_cpu_limit=milli_cpu,
        memory_bytes_limit=memory,
        gpu=gpu,
        storage_bytes=storage,
        environment=pairs(env, "--env") or None,
        engine_options=_options(engine_option),
        cpu_seconds_limit=cpu_seconds,
        processes_limit=processes,
        file_bytes_limit=file_size,
        attached_keeps_alive=attached_keeps_alive,
        restart_policy=restart_policy,
        queue_on_death=queue_on_death,
        preload=preload or None,
        start=start,
    )
    with open_client(data_dir) as yard:
        _told(yard.templates.create(name, **fields, **_durations(max_idle, max_life)), form)


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
    max_life: MaxLife = None,
    cpu_seconds: CpuSeconds = None,
    processes: Processes = None,
    file_size: FileSize = None,
    attached_keeps_alive: AttachedKeeps = None,
    restart_policy: Restart = None,
    queue_on_death: QueueOnDeath = None,
    preload: Preload = None,
    start: Start = None,
    engine_option: EngineOption = None,
    no_preload: Annotated[bool, typer.Option("--no-preload", help="Preload nothing.")] = False,
    disabled: Annotated[
        bool | None, typer.Option("--disable/--enable", help="Let it make no new kernels.")
    ] = None,
    data_dir: DataDirOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Change what is given; kernels that exist keep what they were made with.

    --env, --preload and --engine-option replace all that were set before.

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
        cpu_seconds_limit=cpu_seconds,
        processes_limit=processes,
        file_bytes_limit=file_size,
        attached_keeps_alive=attached_keeps_alive,
        restart_policy=restart_policy,
        queue_on_death=queue_on_death,
        preload=[] if no_preload else preload or None,
        start=start,
        disabled=disabled,
    )
    with open_client(data_dir) as yard:
        _told(yard.templates.update(name, **fields, **_durations(max_idle, max_life)), form)


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


def _durations(max_idle: str | None, max_life: str | None) -> Any:
    given = {"max_idle_duration": max_idle, "max_life_duration": max_life}
    return {
        name: None if text.lower() == "none" else text
        for name, text in given.items()
        if text is not None
    }


def _options(texts: Iterable[str] | None) -> dict[str, Any] | None:
    """Options whose values are JSON where they can be read so, else plain text."""
    found: dict[str, Any] = {}
    for key, text in pairs(texts, "--engine-option").items():
        try:
            found[key] = json.loads(text)
        except ValueError:
            found[key] = text
    return found or None


def _seconds(seconds: float | None) -> str | None:
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
            "max idle": _seconds(template.max_idle_duration),
            "max life": _seconds(template.max_life_duration),
            "processor time": _seconds(template.cpu_seconds_limit or None),
            "processes": template.processes_limit or None,
            "file size": template.file_bytes_limit or None,
            "attached keeps alive": template.attached_keeps_alive,
            "after a death": f"{template.restart_policy}, queue: {template.queue_on_death}",
            "preload": ", ".join(template.preload),
            "start": template.start,
            "engine options": template.engine_options,
            "disabled": template.disabled,
        }
    )
