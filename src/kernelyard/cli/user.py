"""``kernelyard user``: who may come in. For administrators."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from kernelyard.cli.command_app import command_app
from kernelyard.cli.connection import DataDirOption, open_client
from kernelyard.cli.showing import Format, FormatOption, show_fields, show_json, show_table

if TYPE_CHECKING:
    from kernelyard.client import User

app = command_app("""Add, list, change, disable and remove users.

A user is a person or a program, and may have several tokens. For administrators.

Examples:

  kernelyard user add ada

  kernelyard token create laptop --user ada

  kernelyard user disable ada""")

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Name of the user.")]


class RoleWord(StrEnum):
    """What a user may do."""

    ADMIN = "admin"
    USER = "user"


@app.command("list")
def list_users(data_dir: DataDirOption = None, form: FormatOption = Format.TABLE) -> None:
    """List the users.

    Example: kernelyard user list
    """
    with open_client(data_dir) as yard:
        found = list(yard.users.list())
    if form is Format.JSON:
        show_json(found)
        return
    show_table(
        ("NAME", "KIND", "ROLE", "DISABLED", "DISPLAY NAME", "CREATED"),
        [
            (one.name, one.kind, one.role, one.disabled, one.display_name, one.created_at)
            for one in found
        ],
        empty="No users. Add one with: kernelyard user add NAME",
    )


@app.command()
def add(
    name: NameArgument,
    admin: Annotated[bool, typer.Option("--admin", help="Make it an administrator.")] = False,
    service: Annotated[bool, typer.Option("--service", help="It is a program.")] = False,
    display_name: Annotated[str, typer.Option(help="Name for people to read.")] = "",
    data_dir: DataDirOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Add a user, who has no token yet.

    Example: kernelyard user add ci --service
    """
    with open_client(data_dir) as yard:
        made = yard.users.add(
            name,
            kind="service" if service else "user",
            role="admin" if admin else "user",
            display_name=display_name,
        )
    _show(made, form)


@app.command()
def update(
    name: NameArgument,
    role: Annotated[RoleWord | None, typer.Option(help="New role.")] = None,
    display_name: Annotated[str | None, typer.Option(help="New name for people to read.")] = None,
    data_dir: DataDirOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Change a user; it holds for the tokens that are there, at once.

    Example: kernelyard user update ada --role admin
    """
    with open_client(data_dir) as yard:
        word = None if role is None else role.value
        changed = yard.users.update(name, role=word, display_name=display_name)
    _show(changed, form)


@app.command()
def disable(
    name: NameArgument, data_dir: DataDirOption = None, form: FormatOption = Format.TABLE
) -> None:
    """Refuse all tokens of a user from now on. What belongs to the user runs on.

    Example: kernelyard user disable ada
    """
    with open_client(data_dir) as yard:
        changed = yard.users.update(name, disabled=True)
    _show(changed, form)


@app.command()
def enable(
    name: NameArgument, data_dir: DataDirOption = None, form: FormatOption = Format.TABLE
) -> None:
    """Let the tokens of a disabled user open the server again.

    Example: kernelyard user enable ada
    """
    with open_client(data_dir) as yard:
        changed = yard.users.update(name, disabled=False)
    _show(changed, form)


@app.command()
def remove(
    name: NameArgument, data_dir: DataDirOption = None, form: FormatOption = Format.TABLE
) -> None:
    """Remove a user who has no kernels, with all tokens, templates and pools.

    Example: kernelyard user remove ada
    """
    with open_client(data_dir) as yard:
        yard.users.remove(name)
    if form is Format.JSON:
        show_json({"removed": name})
    else:
        typer.echo(f"{name} removed")


def _show(user: User, form: Format) -> None:
    if form is Format.JSON:
        show_json(user)
        return
    show_fields(
        {
            "name": user.name,
            "kind": user.kind,
            "role": user.role,
            "display name": user.display_name,
            "disabled": user.disabled,
            "created": user.created_at,
        }
    )
