"""``kernelyard zygotes``: processes from which kernels are forked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernelyard.cli.command_app import command_app
from kernelyard.cli.connection import DataDirOption, open_client
from kernelyard.cli.showing import Format, FormatOption, human_size, note, show_json, show_table

if TYPE_CHECKING:
    from kernelyard.client import ZygoteList

app = command_app()


@app.command()
def zygotes(data_dir: DataDirOption = None, form: FormatOption = Format.TABLE) -> None:
    """List the processes from which kernels are forked; for administrators.

    FOR is the user whose kernels are forked from it, where it has modules that users have chosen.
    MEMORY leaves out what it shares with its kernels; AHEAD is that of the kernel that it has forked
    before anybody has asked for one.

    Example: kernelyard zygotes
    """
    with open_client(data_dir) as yard:
        found = yard.zygotes()
    if form is Format.JSON:
        show_json(found)
    else:
        _show(found)


def _show(found: ZygoteList) -> None:
    show_table(
        ("IMAGES", "PRELOAD", "FOR", "STATE", "FORKS", "MEMORY", "AHEAD", "PID", "REASON"),
        [
            (
                ", ".join(one.images),
                ", ".join(one.preload),
                one.user or "everybody",
                one.state,
                one.forks,
                None if one.pss_bytes is None else human_size(one.pss_bytes),
                None if one.ahead_pss_bytes is None else human_size(one.ahead_pss_bytes),
                one.pid,
                one.reason,
            )
            for one in found
        ],
        empty="No zygotes." if found.most else "Kernels are not forked here: the setting is 0.",
        spare=("PID", "PRELOAD"),
    )
    failed = f"; {found.failed} forks failed" if found.failed else ""
    note(
        f"At most {found.most}. Kernels forked: {found.forked}, started as new programs: "
        f"{found.executed}{failed}."
    )
    if found.pressure:
        note(f"None is started now: {found.pressure}.")
