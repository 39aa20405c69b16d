"""``kernelyard detach``: let go of a kernel that was attached."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from kernelyard.cli.command_app import command_app
from kernelyard.cli.complaints import Complaint
from kernelyard.cli.connection import DataDirOption, kernel_of, open_client
from kernelyard.cli.kernels import KernelsArgument
from kernelyard.cli.one_by_one import of_each
from kernelyard.cli.showing import Format, FormatOption, show_json

if TYPE_CHECKING:
    from kernelyard.client import Kernel, KernelInfo

app = command_app()


@app.command()
def detach(
    kernels: KernelsArgument, data_dir: DataDirOption = None, form: FormatOption = Format.TABLE
) -> None:
    """Let go of kernels that were attached; they go on with their variables.

    What runs or waits there for you is cancelled here; code that runs is left alone. Kernels that were started here are refused: end those with 'kernelyard kernels terminate'.

    Example: kernelyard detach theirs
    """
    with open_client(data_dir) as yard:
        done = of_each(kernels, lambda one: detached(kernel_of(yard, one)))
    if form is Format.JSON:
        show_json(done.answers)
    else:
        for info in done.answers:
            typer.echo(f"{info.id} {info.state}")
    done.exit_if_any_failed()


def detached(kernel: Kernel) -> KernelInfo:
    """Let go of a kernel. Raises Complaint for one that was started here, ApiError."""
    if kernel.info.owned:
        called = kernel.info.name or kernel.id
        raise Complaint(
            f"The kernel {called} was started here, so it would end: if that is meant, use "
            f"'kernelyard kernels terminate {called}'."
        )
    return kernel.terminate().info
