"""``kernelyard tasks``: list, look at, cancel, read."""

from __future__ import annotations

from itertools import islice
from typing import Annotated

import typer

from kernelyard.cli.command_app import command_app
from kernelyard.cli.connection import DataDirOption, kernel_of, open_client, task_of
from kernelyard.cli.one_by_one import of_each
from kernelyard.cli.pairs import LabelOption, pairs
from kernelyard.cli.showing import (
    Format,
    FormatOption,
    first_line,
    note,
    show_fields,
    show_json,
    show_table,
)

app = command_app("""List, look at, cancel and read tasks.

Examples:

  kernelyard tasks

  kernelyard tasks list --kernel nightly --state queued,running

  kernelyard tasks result 6f1c1b0e-2f61-4b4e-8c55-4f2a9d3f6a10 -o json""")

TaskArgument = Annotated[str, typer.Argument(metavar="TASK", help="Id of the task.")]


@app.command("list")
def list_tasks(
    kernel: Annotated[
        str | None, typer.Option(help="Only tasks of this kernel, by id or name.")
    ] = None,
    state: Annotated[
        str | None, typer.Option(help="Only these states, such as 'queued,running'.")
    ] = None,
    label: LabelOption = None,
    limit: Annotated[int, typer.Option(min=1, help="At most this many, newest first.")] = 100,
    data_dir: DataDirOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """List your tasks, newest first.

    Example: kernelyard tasks list --state failed,lost
    """
    labels = pairs(label, "--label")
    with open_client(data_dir) as yard:
        if kernel is None:
            found = yard.tasks.list(state=state, label=labels)
        else:
            found = kernel_of(yard, kernel).tasks(state=state, label=labels)
        infos = [task.info for task in islice(found, limit)]
    if form is Format.JSON:
        show_json(infos)
        return
    show_table(
        ("ID", "NO", "STATE", "AHEAD", "CODE", "CREATED", "ENDED", "ERROR"),
        [
            (
                one.id,
                one.number,
                one.state,
                one.ahead or None,
                first_line(one.code, 32),
                one.created_at,
                one.ended_at,
                first_line(str(one.error or one.reason or ""), 40),
            )
            for one in infos
        ],
        empty="No tasks. Queue one with: kernelyard submit KERNEL -c CODE",
        spare=("ENDED", "CREATED", "AHEAD"),
    )


@app.command()
def show(
    task: TaskArgument, data_dir: DataDirOption = None, form: FormatOption = Format.TABLE
) -> None:
    """Show everything about a task but its outputs.

    Example: kernelyard tasks show 6f1c1b0e-2f61-4b4e-8c55-4f2a9d3f6a10
    """
    with open_client(data_dir) as yard:
        info = task_of(yard, task).info
    if form is Format.JSON:
        show_json(info)
        return
    show_fields(
        {
            "id": info.id,
            "kernel": info.kernel_id,
            "number": info.number,
            "state": info.state,
            "reason": info.reason,
            "error": info.error,
            "ahead": info.ahead or None,
            "needs": info.needs,
            "time limit": info.time_limit,
            "silence limit": info.silence_limit,
            "cause": info.cause,
            "stopped by": info.stopped_by,
            "variables kept": info.state_preserved,
            "labels": info.labels,
            "created": info.created_at,
            "started": info.started_at,
            "ended": info.ended_at,
        }
    )
    typer.echo("\n" + info.code)


@app.command()
def cancel(
    tasks: Annotated[list[str], typer.Argument(metavar="TASK...", help="Ids of tasks.")],
    allow_restart: Annotated[
        bool,
        typer.Option(
            "--allow-restart", help="Restart the kernel if interrupts do not stop a task."
        ),
    ] = False,
    grace: Annotated[
        str,
        typer.Option(
            metavar="DURATION", help="Between the interrupts, and again before a restart."
        ),
    ] = "2s",
    data_dir: DataDirOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Take tasks out of the queue, or interrupt them; what they said is kept.

    A task that does not stop is interrupted again. 'kernelyard tasks show' tells what it took.

    Examples:

      kernelyard tasks cancel 6f1c1b0e-2f61-4b4e-8c55-4f2a9d3f6a10

      kernelyard tasks cancel --allow-restart 6f1c1b0e-2f61-4b4e-8c55-4f2a9d3f6a10
    """
    with open_client(data_dir) as yard:
        done = of_each(
            tasks,
            lambda one: task_of(yard, one).cancel(allow_restart=allow_restart, grace=grace).info,
        )
    if form is Format.JSON:
        show_json(done.answers)
    else:
        for info in done.answers:
            typer.echo(f"{info.id} {'cancelling' if info.state == 'running' else info.state}")
    done.exit_if_any_failed()


@app.command()
def result(
    task: TaskArgument, data_dir: DataDirOption = None, form: FormatOption = Format.TABLE
) -> None:
    """Print a task's stdout, stderr and results put together, as far as they go now.

    Example: kernelyard tasks result 6f1c1b0e-2f61-4b4e-8c55-4f2a9d3f6a10
    """
    from kernelyard.cli.remarks import say_how_it_ended, say_what_is_missing

    with open_client(data_dir) as yard:
        whole = task_of(yard, task).result()
    if form is Format.JSON:
        show_json(whole)
    else:
        if whole.text:
            typer.echo(whole.text, nl=not whole.text.endswith("\n"))
        if whole.stderr:
            typer.echo(whole.stderr, err=True, nl=not whole.stderr.endswith("\n"))
    say_how_it_ended(whole.task)
    say_what_is_missing(cut_bytes=whole.cut_bytes, gaps=whole.gaps)
    if not whole.task.is_final:
        note(f"The task is {whole.state}; read on with: kernelyard tail -f {task}")
