"""``kernelyard quota``: how much everybody uses, and may use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from kernelyard.cli.command_app import command_app
from kernelyard.cli.connection import DataDirOption, open_client
from kernelyard.cli.showing import Format, FormatOption, human_size, show_json, show_table

if TYPE_CHECKING:
    from kernelyard.client.quota_types import Amount, Quota

app = command_app("""Show and set how much everybody may use.

Your own is for you to see; all else is for administrators.

Examples:

  kernelyard quota show

  kernelyard quota set ada --kernels 4 --cpu 8 --memory 16GiB

  kernelyard quota list""")

UserArgument = Annotated[str, typer.Argument(metavar="USER", help="Whose it is.")]
_BYTES = ("memory", "stored_bytes")
_NAMES = ("kernels", "cpu", "memory", "gpu", "queued_tasks", "stored_bytes")


@app.command()
def show(
    user: Annotated[str, typer.Argument(metavar="[USER]", help="Yours unless given.")] = "me",
    data_dir: DataDirOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Show what a user uses and may use.

    Example: kernelyard quota show
    """
    with open_client(data_dir) as yard:
        found = yard.quotas.get(user)
    _print(found, form)


@app.command("list")
def list_quotas(data_dir: DataDirOption = None, form: FormatOption = Format.TABLE) -> None:
    """List what all use together, and each user who has anything.

    Example: kernelyard quota list
    """
    with open_client(data_dir) as yard:
        found = yard.quotas.list()
    if form is Format.JSON:
        show_json(found)
        return
    show_table(
        ("USER", "KERNELS", "WAITING", "CPU", "MEMORY", "GPU", "QUEUED", "STORED"),
        [(one.user or "(all)", *_row(one)) for one in (found.server, *found.items)],
        empty="Nobody has anything.",
    )


@app.command("set")
def set_quota(  # noqa: PLR0913 - one parameter per flag
    user: UserArgument,
    kernels: Annotated[int | None, typer.Option(help="Kernels alive at once.")] = None,
    cpu: Annotated[float | None, typer.Option(help="CPU, such as 8 or 2.5.")] = None,
    memory: Annotated[str | None, typer.Option(help="Memory, such as 16GiB.")] = None,
    gpu: Annotated[int | None, typer.Option(help="GPUs.")] = None,
    queued_tasks: Annotated[int | None, typer.Option(help="Tasks that wait in queues.")] = None,
    stored_bytes: Annotated[
        str | None, typer.Option(help="Bytes of stored outputs, such as 20GiB.")
    ] = None,
    data_dir: DataDirOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Say what one user may use; what is left out is as the settings say, and 0 is no limit.

    Example: kernelyard quota set ada --kernels 4 --cpu 8 --memory 16GiB
    """
    with open_client(data_dir) as yard:
        kept = yard.quotas.set(
            user,
            kernels=kernels,
            cpu=cpu,
            memory=memory,
            gpu=gpu,
            queued_tasks=queued_tasks,
            stored_bytes=stored_bytes,
        )
    _print(kept, form)


@app.command()
def reset(
    user: UserArgument,
    data_dir: DataDirOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Let a user have what the settings say.

    Example: kernelyard quota reset ada
    """
    with open_client(data_dir) as yard:
        yard.quotas.reset(user)
    if form is Format.JSON:
        show_json({"reset": user})
    else:
        typer.echo(f"quota of {user} is as the settings say")


def _print(quota: Quota, form: Format) -> None:
    if form is Format.JSON:
        show_json(quota)
        return
    rows = [
        (
            name.replace("_", " "),
            _text(name, getattr(quota, name).used),
            _limit(name, getattr(quota, name)),
            "for this user" if name in quota.said else "",
        )
        for name in _NAMES
    ]
    if quota.waiting:
        rows.append(("waiting kernels", str(quota.waiting), "", ""))
    show_table((quota.user, "USED", "LIMIT", "SET"), rows, empty="")


def _row(quota: Quota) -> tuple[str | int, ...]:
    cells = [
        f"{_text(name, getattr(quota, name).used)}/{_limit(name, getattr(quota, name))}"
        for name in _NAMES
    ]
    return cells[0], quota.waiting, *cells[1:]


def _limit(name: str, amount: Amount) -> str:
    return "any" if amount.limit is None else _text(name, amount.limit)


def _text(name: str, number: float) -> str:
    return human_size(int(number)) if name in _BYTES else f"{number:g}"
