"""``kernelyard token``: with which one comes in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from kernelyard.cli.command_app import command_app
from kernelyard.cli.complaints import Complaint
from kernelyard.cli.connection import DataDirOption, open_client
from kernelyard.cli.showing import Format, FormatOption, note, show_json, show_table

if TYPE_CHECKING:
    from kernelyard.client import Client

app = command_app("""List, create, revoke and show tokens.

Users deal in their own, administrators in everybody's.

Examples:

  kernelyard token create ada

  kernelyard token create ci --user ada --scope run --expires 30d

  export KERNELYARD_TOKEN=$(kernelyard token show)

  kernelyard token revoke ada""")

UserOption = Annotated[
    str | None, typer.Option(help="Whose tokens, for administrators; all unless given.")
]


@app.command("list")
def list_tokens(
    user: UserOption = None, data_dir: DataDirOption = None, form: FormatOption = Format.TABLE
) -> None:
    """List your tokens, or for administrators all; their secrets are kept nowhere.

    Example: kernelyard token list
    """
    with open_client(data_dir) as yard:
        found = list(yard.tokens.list(user=user))
    if form is Format.JSON:
        show_json(found)
        return
    show_table(
        ("ID", "USER", "NAME", "ROLE", "SCOPES", "CREATED", "EXPIRES", "LAST USED"),
        [
            (
                one.id,
                one.user,
                one.name,
                one.role,
                ",".join(one.scopes),
                one.created_at,
                one.expires_at,
                one.last_used_at,
            )
            for one in found
        ],
        empty="No tokens but the administrator's first. Make one with: kernelyard token create NAME",
        spare=("ROLE", "CREATED", "LAST USED"),
    )


@app.command()
def create(
    name: Annotated[
        str,
        typer.Argument(
            help="What it is called. For administrators without --user: whose it is, a person or a "
            "program, who is added if there is no such user."
        ),
    ],
    user: Annotated[str | None, typer.Option(help="Whose it is, for administrators.")] = None,
    admin: Annotated[
        bool, typer.Option("--admin", help="A user who is added by it is an administrator.")
    ] = False,
    scope: Annotated[
        list[str] | None,
        typer.Option(
            help="What it may be used for: read, run, manage or admin. Repeat it; all unless given."
        ),
    ] = None,
    expires: Annotated[
        str | None, typer.Option(help="How long it is valid, such as 30d; for ever unless given.")
    ] = None,
    data_dir: DataDirOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Make a token and print it, this once.

    Example: kernelyard token create ada
    """
    with open_client(data_dir) as yard:
        made = yard.tokens.create(
            name,
            user=user,
            role="admin" if admin else None,
            scopes=scope or None,
            expires_in=expires,
        )
    if form is Format.JSON:
        show_json(made)
        return
    called = made.name if made.user in ("", made.name) else f"{made.user}, '{made.name}'"
    note(f"The token of {called}, shown this once:")
    typer.echo(made.token)


@app.command()
def revoke(
    token: Annotated[str, typer.Argument(metavar="NAME", help="Name or id of the token.")],
    user: Annotated[str | None, typer.Option(help="Whose it is, for administrators.")] = None,
    data_dir: DataDirOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Take a token back; requests with it are refused from now on.

    Example: kernelyard token revoke ada
    """
    with open_client(data_dir) as yard:
        named = _named(yard, token, user)
        yard.tokens.delete(named)
    if form is Format.JSON:
        show_json({"revoked": named})
    else:
        typer.echo(f"{token} revoked")


def _named(yard: Client, token: str, user: str | None) -> str:
    """The id of a token that is told by its name or id."""
    found = [one for one in yard.tokens.list(user=user) if token in (one.name, one.id)]
    if len(found) > 1:
        owners = ", ".join(one.user for one in found)
        raise Complaint(f"several users have a token named {token}: {owners}. Name one with --user")
    return found[0].id if found else token


@app.command()
def show(data_dir: DataDirOption = None, form: FormatOption = Format.TABLE) -> None:
    """Print the token that commands here use: KERNELYARD_TOKEN, or the local server's.

    Example: export KERNELYARD_TOKEN=$(kernelyard token show)
    """
    from kernelyard.client import find_server

    server = find_server(data_dir=data_dir)
    if server.token is None:
        raise Complaint(
            f"no token is known for {server.url}: set KERNELYARD_TOKEN to the one you were given"
        )
    if form is Format.JSON:
        show_json({"url": server.url, "token": server.token})
    else:
        typer.echo(server.token)
