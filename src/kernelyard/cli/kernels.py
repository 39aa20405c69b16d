"""``kernelyard kernels``: list, make, look at, end."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer

from kernelyard.cli.command_app import command_app
from kernelyard.cli.connection import DataDirOption, kernel_of, open_client, say_whether_made
from kernelyard.cli.one_by_one import Done, of_each
from kernelyard.cli.pairs import EnvironmentOption, LabelOption, pairs
from kernelyard.cli.parameters import ParamOption, ParamsOption, check_params, parameters_of
from kernelyard.cli.remarks import say_what_it_waits_for
from kernelyard.cli.showing import (
    Format,
    FormatOption,
    note,
    plain,
    show_fields,
    show_json,
    show_table,
)

if TYPE_CHECKING:
    from kernelyard.client import Kernel, KernelInfo

app = command_app("""List, make, look at and end kernels.

Examples:

  kernelyard kernels

  kernelyard kernels create --image python3 --name nightly

  kernelyard kernels terminate nightly""")

ReasonOption = Annotated[
    str, typer.Option(metavar="TEXT", help="Why, for everybody who follows the kernel.")
]
KernelsArgument = Annotated[list[str], typer.Argument(metavar="KERNEL...", help="Ids or names.")]


@app.command("list")
def list_kernels(
    state: Annotated[
        str | None, typer.Option(help="Only these states, such as 'idle,busy'.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Only kernels of this name.")] = None,
    label: LabelOption = None,
    limit: Annotated[int, typer.Option(min=1, help="At most this many, newest first.")] = 100,
    data_dir: DataDirOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """List your kernels, newest first.

    Example: kernelyard kernels list --state idle,busy --label team=a
    """
    with open_client(data_dir) as yard:
        found = yard.kernels.list(state=state, name=name, label=pairs(label, "--label"))
        infos = [kernel.info for kernel in islice(found, limit)]
    if form is Format.JSON:
        show_json(infos)
        return
    show_table(
        ("ID", "NAME", "STATE", "QUEUED", "IMAGE", "CREATED", "REASON"),
        [
            (
                one.id,
                one.name or one.display_name,
                one.state,
                one.queued_tasks,
                one.image.name,
                one.created_at,
                one.reason,
            )
            for one in infos
        ],
        empty="No kernels. Make one with: kernelyard kernels create",
        spare=("CREATED", "IMAGE", "QUEUED"),
    )


@app.command()
def show(
    kernel: Annotated[str, typer.Argument(help="Id or name.")],
    data_dir: DataDirOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Show everything about a kernel.

    Example: kernelyard kernels show nightly
    """
    with open_client(data_dir) as yard:
        info = yard.kernels.get(kernel_of(yard, kernel).id).info
    _show(info, form)


@app.command()
def create(  # noqa: PLR0913 - one parameter per flag
    image: Annotated[str, typer.Option(help="Image to start it from.")] = "python3",
    template: Annotated[str, typer.Option(help="Template with its limits.")] = "default",
    name: Annotated[
        str | None, typer.Option(help="Name; a live kernel of this name is returned instead.")
    ] = None,
    env: EnvironmentOption = None,
    param: ParamOption = None,
    params: ParamsOption = None,
    label: LabelOption = None,
    priority: Annotated[
        int, typer.Option(help="Of kernels that wait for room the largest is first.")
    ] = 0,
    data_dir: DataDirOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Make a kernel and print its id at once, while it starts; code can be submitted already.

    Examples:

      kernelyard kernels create --name nightly --env SEED=1 --label team=a

      kernelyard kernels create --image cpp --param cpp_version=C++17
    """
    environment, labels = pairs(env, "--env"), pairs(label, "--label")
    check_params(param, params)
    with open_client(data_dir) as yard:
        parameters = parameters_of(yard, image, param, params)
        if name:
            kernel = yard.kernels.get_or_create(
                name,
                image=image,
                template=template,
                environment=environment,
                parameters=parameters,
                labels=labels,
                priority=priority,
            )
        else:
            kernel = yard.kernels.create(
                image,
                template=template,
                environment=environment,
                parameters=parameters,
                labels=labels,
                priority=priority,
            )
    if name:
        say_whether_made(kernel, name)
    say_what_it_waits_for(kernel.info)
    if form is Format.JSON:
        show_json({**plain(kernel.info), "created": kernel.created})
    else:
        typer.echo(kernel.id)


@app.command()
def terminate(
    kernels: KernelsArgument,
    shut_down: Annotated[
        bool,
        typer.Option("--shut-down", help="Tell kernels that were attached to shut down, too."),
    ] = False,
    data_dir: DataDirOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """End kernels; their tasks and outputs stay readable.

    Kernels that were attached are let go of and go on, unless --shut-down says otherwise.

    Examples:

      kernelyard kernels terminate nightly

      kernelyard kernels terminate theirs --shut-down
    """
    with open_client(data_dir) as yard:
        done = of_each(
            kernels, lambda one: kernel_of(yard, one).terminate(shut_down=shut_down).info
        )
    _told(done, form)


@app.command()
def delete(
    kernels: KernelsArgument, data_dir: DataDirOption = None, form: FormatOption = Format.TABLE
) -> None:
    """End kernels and remove everything of them: files, tasks and outputs too.

    Example: kernelyard kernels delete nightly
    """
    with open_client(data_dir) as yard:
        gone = of_each(kernels, lambda one: _deleted(kernel_of(yard, one)))
    if form is Format.JSON:
        show_json({"deleted": gone.answers})
    else:
        for identity in gone.answers:
            typer.echo(f"{identity} deleted")
    gone.exit_if_any_failed()


@app.command()
def restart(
    kernels: KernelsArgument,
    cancel_queued: Annotated[
        bool, typer.Option("--cancel-queued", help="Cancel the tasks that wait, too.")
    ] = False,
    data_dir: DataDirOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Start the processes of kernels afresh: variables go; id, files and queue stay.

    Example: kernelyard kernels restart nightly --cancel-queued
    """
    with open_client(data_dir) as yard:
        done = of_each(
            kernels, lambda one: kernel_of(yard, one).restart(cancel_queued=cancel_queued).info
        )
    _told(done, form)


@app.command()
def interrupt(
    kernels: KernelsArgument,
    restart_if_needed: Annotated[
        bool,
        typer.Option("--restart-if-needed", help="Restart those whose code no interrupt can stop."),
    ] = False,
    reason: ReasonOption = "",
    data_dir: DataDirOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Interrupt the code that kernels run now, as Ctrl-C would; what is queued goes on.

    Says what that achieved. Kernels that an interrupt would end are left alone.

    Examples:

      kernelyard kernels interrupt nightly

      kernelyard kernels interrupt xpython-kernel --restart-if-needed
    """
    with open_client(data_dir) as yard:

        def interrupted(one: str) -> dict[str, object]:
            kernel = kernel_of(yard, one)
            result = kernel.interrupt(reason=reason, restart_if_needed=restart_if_needed)
            return {"id": kernel.id, "outcome": result.outcome, "restarting": result.restarting}

        done = of_each(kernels, interrupted)
    _achieved(done, form)


@app.command()
def signal(
    kernel: Annotated[str, typer.Argument(help="Id or name.")],
    signal: Annotated[str, typer.Argument(help="Name, such as SIGUSR1, or number.")],
    reason: ReasonOption = "",
    data_dir: DataDirOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Send a kernel's process a signal, and what its code has started.

    Without a handler in its code most signals end the kernel, SIGUSR1 too.

    Example: kernelyard kernels signal nightly SIGUSR1
    """
    with open_client(data_dir) as yard:

        def signalled(one: str) -> dict[str, object]:
            found = kernel_of(yard, one)
            arrived = found.signal(signal, reason=reason)
            return {"id": found.id, "outcome": "delivered" if arrived else "not_delivered"}

        done = of_each([kernel], signalled)
    _achieved(done, form)


_ADVICE = {
    "not_delivered": "Nothing could be sent to it: it has no process that is known here, or takes "
    "no interrupts. 'kernelyard kernels restart' starts a kernel of ours anew.",
    "would_kill": "An interrupt would end this kernel, so none was sent. --restart-if-needed "
    "restarts it; its variables are lost then.",
}


def _achieved(done: Done[dict[str, object]], form: Format) -> None:
    if form is Format.JSON:
        show_json(done.answers)
    else:
        for answer in done.answers:
            again = ", restarting" if answer.get("restarting") else ""
            typer.echo(f"{answer['id']} {answer['outcome']}{again}")
            advice = _ADVICE.get(str(answer["outcome"]))
            if advice and not again:
                note(advice)
    done.exit_if_any_failed()


def _deleted(kernel: Kernel) -> str:
    kernel.delete()
    return kernel.id


def _told(done: Done[KernelInfo], form: Format) -> None:
    if form is Format.JSON:
        show_json(done.answers)
    else:
        for info in done.answers:
            typer.echo(f"{info.id} {info.state}")
    done.exit_if_any_failed()


def _show(info: KernelInfo, form: Format) -> None:
    if form is Format.JSON:
        show_json(info)
        return
    language = (info.language_info or {}).get("name", "")
    show_fields(
        {
            "id": info.id,
            "name": info.name,
            "display name": info.display_name,
            "state": info.state,
            "reason": info.reason,
            "cause": info.cause,
            "exit code": info.exit_code,
            "signal": info.signal,
            "will stop": f"{info.will_stop_at}, because {info.will_stop_because}"
            if info.will_stop_at
            else None,
            "image": info.image.name,
            "language": f"{language} {(info.language_info or {}).get('version', '')}".strip(),
            "template": info.template.name,
            "environment": info.environment,
            "parameters": info.parameters,
            "notebook": info.path,
            "labels": info.labels,
            "runs": info.current_task,
            "queued": info.queued_tasks,
            "restarts": info.restarts,
            "started": info.started,
            "owner": info.owner,
            "owned": None if info.owned else "no: it was attached",
            "created": info.created_at,
            "ready": info.ready_at,
            "ended": info.ended_at,
            "last activity": info.last_activity_at,
            "outputs removed": info.outputs_removed_at,
            "history": "; ".join(
                f"{one.state} ({one.reason})" if one.reason else one.state for one in info.history
            ),
        }
    )
