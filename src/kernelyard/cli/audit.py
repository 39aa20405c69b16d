"""``kernelyard audit``: who did what. For administrators."""

from __future__ import annotations

from itertools import islice
from typing import Annotated

import typer

from kernelyard.cli.command_app import command_app
from kernelyard.cli.connection import DataDirOption, open_client
from kernelyard.cli.showing import Format, FormatOption, show_json, show_table

app = command_app()


@app.command()
def audit(
    user: Annotated[str | None, typer.Option(help="What this user did.")] = None,
    action: Annotated[
        str | None, typer.Option(help="What was done, such as task.run or token.create.")
    ] = None,
    subject: Annotated[str | None, typer.Option(help="What was done to this id or name.")] = None,
    since: Annotated[
        str | None, typer.Option(help="What was done then or later, such as 2026-01-02.")
    ] = None,
    last: Annotated[int, typer.Option("-n", "--last", min=1, help="Most entries.")] = 100,
    data_dir: DataDirOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Print who did what, when, from where and with which token, newest first. For administrators.

    Example: kernelyard audit --user ada --action kernel.delete
    """
    with open_client(data_dir) as yard:
        deeds = yard.audit.list(
            user=user, action=action, subject=subject, since=since, page_size=min(last, 1000)
        )
        found = list(islice(deeds, last))
    if form is Format.JSON:
        show_json(found)
        return
    show_table(
        ("AT", "USER", "ACTION", "SUBJECT", "FROM", "TOKEN", "DETAILS"),
        [
            (one.at, one.user, one.action, one.subject, one.address, one.token_id, one.details)
            for one in found
        ],
        empty="Nothing was done that fits.",
        spare=("TOKEN", "DETAILS"),
    )
