"""``kernelyard token``: who may use the server."""

from __future__ import annotations

from typing import Annotated

import typer

from kernelyard.cli.command_app import command_app
from kernelyard.cli.complaints import Complaint
from kernelyard.cli.connection import DataDirOption, open_client
from kernelyard.cli.showing import Format, FormatOption, note, show_json, show_table

app = command_app("""List, create, revoke and show tokens.

All but showing the one in use is for administrators.

Examples:

  kernelyard token create ada

  export KERNELYARD_TOKEN=$(kernelyard token show)

  kernelyard token revoke ada""")


@app.command("list")
def list_tokens(data_dir: DataDirOption = None, form: FormatOption = Format.TABLE) -> None:
    """List the tokens; their secrets are kept nowhere.

    Example: kernelyard token list
    """
    with open_client(data_dir) as yard:
        found = list(yard.tokens.list())
    if form is Format.JSON:
        show_json(found)
        return
    show_table(
        ("ID", "NAME", "ROLE", "CREATED"),
        [(one.id, one.name, one.role, one.created_at) for one in found],
        empty="No tokens but the administrator's first. Make one with: kernelyard token create NAME",
    )


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Who it is for: a person or a program.")],
    admin: Annotated[
        bool, typer.Option("--admin", help="Let it administer the server too.")
    ] = False,
    data_dir: DataDirOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Make a token and print it, this once.

    Example: kernelyard token create ada
    """
    with open_client(data_dir) as yard:
        made = yard.tokens.create(name, role="admin" if admin else "user")
    if form is Format.JSON:
        show_json(made)
        return
    note(f"The token of {made.name}, shown this once:")
    typer.echo(made.token)


@app.command()
def revoke(
    token: Annotated[str, typer.Argument(metavar="NAME", help="Name or id of the token.")],
    data_dir: DataDirOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Take a token back; requests with it are refused from now on.

    Example: kernelyard token revoke ada
    """
    with open_client(data_dir) as yard:
        named = next((one.id for one in yard.tokens.list() if one.name == token), token)
        yard.tokens.delete(named)
    if form is Format.JSON:
        show_json({"revoked": named})
    else:
        typer.echo(f"{token} revoked")


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
