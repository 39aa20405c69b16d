"""``kernelyard run``: a program or notebook on a fresh kernel, printed as if it ran right here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kernelyard.cli.command_app import command_app
from kernelyard.cli.complaints import Complaint
from kernelyard.cli.connection import (
    DataDirOption,
    kernel_of,
    live_kernel,
    open_client_or_start,
    say_whether_made,
)
from kernelyard.cli.pairs import EnvironmentOption, pairs
from kernelyard.cli.parameters import ParamOption, ParamsOption, check_params, parameters_of
from kernelyard.cli.remarks import say_what_it_waits_for
from kernelyard.cli.showing import Format, FormatOption, note, show_json
from kernelyard.cli.sources import CodeOption, FileArgument, code_of, notebook_of

if TYPE_CHECKING:
    from kernelyard.client import Client, Kernel
    from kernelyard.client.notebook import NotebookRun

app = command_app()
DEFAULT_IMAGE = "python3"
_COULD_NOT = 3

ImageOption = Annotated[
    str | None,
    typer.Option(
        help="Image of the kernel; remembered for a notebook. Default: python3, or what "
        "'kernelyard resolve' says of a notebook."
    ),
]
TemplateOption = Annotated[str, typer.Option(help="Template of the kernel.")]
NameOption = Annotated[
    str | None, typer.Option(help="Name of the kernel; a live one of this name is used again.")
]
DetachOption = Annotated[
    bool, typer.Option("--detach", help="Queue it, print the task's id and leave.")
]
KeepOption = Annotated[bool, typer.Option("--keep", help="Leave the kernel running.")]
OutputOption = Annotated[
    Path | None,
    typer.Option(metavar="PATH", help="Executed copy of a notebook. Default: beside it."),
]
ResumeOption = Annotated[
    str | None,
    typer.Option(metavar="KERNEL", help="Come back to a notebook that was left on a kernel."),
]
ContinueOption = Annotated[
    bool, typer.Option("--continue-on-error", help="Run the cells after a failing one too.")
]
TimeoutOption = Annotated[
    float | None, typer.Option(metavar="SECONDS", min=0.001, help="Cancel it after this long.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the user asked for."""

    file: str | None
    code: str | None
    image: str | None
    template: str
    name: str | None
    environment: dict[str, str]
    param: list[str]
    params: str | None
    detach: bool
    keep: bool
    output: Path | None
    resume: str | None
    continue_on_error: bool
    timeout: float | None
    data_dir: Path | None
    json: bool


@app.command()
def run(  # noqa: PLR0913 - one parameter per flag
    file: FileArgument = None,
    code: CodeOption = None,
    image: ImageOption = None,
    template: TemplateOption = "default",
    name: NameOption = None,
    env: EnvironmentOption = None,
    param: ParamOption = None,
    params: ParamsOption = None,
    detach: DetachOption = False,
    keep: KeepOption = False,
    output: OutputOption = None,
    resume: ResumeOption = None,
    continue_on_error: ContinueOption = False,
    timeout: TimeoutOption = None,
    data_dir: DataDirOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Run a program or notebook and print what it says.

    It runs on a fresh kernel, in the kernel's own work directory and not in the present one: name
    files by their full paths. Starts a local server in the background if none is running and KERNELYARD_URL is not set. A
    new kernel is terminated at the end (not with --keep); its tasks and outputs stay readable.
    Cells of a notebook are queued at once; when one fails, those behind it never start.

    Ctrl-C leaves the run alone and says how to come back; a second one within 2 s cancels it.

    Exit status: 0 it succeeded, 1 the code raised, 2 wrong usage, 3 the kernel failed or was lost,
    75 left while it runs, 124 over its time, 130 cancelled. A program that calls sys.exit() gives
    its own.

    Examples:

      kernelyard run -c 'print(6 * 7)'

      kernelyard run report.ipynb --output out/report.ipynb --image conda/science

      generate-code | kernelyard run -

      kernelyard run train.py --env SEED=1 --detach
    """
    wish = Wish(
        file=file,
        code=code,
        image=image,
        template=template,
        name=name,
        environment=pairs(env, "--env"),
        param=param or [],
        params=params,
        detach=detach,
        keep=keep,
        output=output,
        resume=resume,
        continue_on_error=continue_on_error,
        timeout=timeout,
        data_dir=data_dir,
        json=form is Format.JSON,
    )
    raise typer.Exit(_run(wish))


def _run(wish: Wish) -> int:
    check_params(wish.param, wish.params)
    notebook_file = notebook_of(wish.file, wish.code)
    if notebook_file is None and (wish.output or wish.resume or wish.continue_on_error):
        raise typer.BadParameter("--output, --resume and --continue-on-error are for notebooks")
    from kernelyard.client import KernelyardError

    notebook = _read_notebook(notebook_file) if notebook_file else None
    code = "" if notebook_file else code_of(wish.file, wish.code)
    try:
        with open_client_or_start(wish.data_dir) as yard:
            if notebook is not None and notebook_file is not None:
                return _run_notebook(wish, yard, notebook, notebook_file)
            return _run_code(wish, yard, code)
    except KernelyardError as error:
        raise Complaint(str(error), status=_COULD_NOT) from error


def _run_code(wish: Wish, yard: Client, code: str) -> int:
    from kernelyard.cli.live import LivePrinter
    from kernelyard.cli.run_code import follow_task

    kernel = _kernel(wish, yard, None)
    try:
        task = kernel.submit(code)
    except BaseException:
        _leave(wish, kernel)
        raise
    if wish.detach:
        _say_detached(wish, kernel, [task.id])
        return 0
    printer = None if wish.json else LivePrinter(program=True)
    status = follow_task(task, kernel, timeout=wish.timeout, printer=printer)
    if wish.json:
        show_json(task.result())
    _leave(wish, kernel)
    return status


def _run_notebook(wish: Wish, yard: Client, notebook: NotebookRun, source: Path) -> int:
    from kernelyard.cli.live import LivePrinter
    from kernelyard.cli.run_notebook import (
        AttendedNotebook,
        executed_path,
        find_cells,
        submit_cells,
    )

    cells = list(notebook.code_cells())
    target = wish.output or executed_path(source)
    if not target.parent.is_dir():
        raise Complaint(f"the directory {target.parent} for --output does not exist: make it first")
    if wish.resume:
        kernel = kernel_of(yard, wish.resume)
        tasks = find_cells(kernel, cells)
    else:
        kernel = _kernel(wish, yard, source)
        try:
            tasks = submit_cells(kernel, cells, continue_on_error=wish.continue_on_error)
        except BaseException:
            _leave(wish, kernel)
            raise
    if wish.detach:
        _say_detached(wish, kernel, [task.id for task in tasks])
        return 0
    work = AttendedNotebook(
        kernel=kernel,
        notebook=notebook,
        cells=cells,
        tasks=tasks,
        target=target,
        continue_on_error=wish.continue_on_error,
        printer=None if wish.json else LivePrinter(),
    )
    come_back = f"kernelyard run {source} --resume {kernel.id}"
    status = work.attend(come_back=come_back, timeout=wish.timeout)
    _leave(wish, kernel)
    if wish.json:
        infos = [task.info for task in tasks]
        show_json({"kernel": kernel.id, "output": str(target), "status": status, "tasks": infos})
    else:
        note(f"Saved {target}")
    return status


def _read_notebook(path: Path) -> NotebookRun:
    from kernelyard.cli.run_notebook import read_notebook

    return read_notebook(path)


def _kernel(wish: Wish, yard: Client, notebook: Path | None) -> Kernel:
    image = _image(wish, yard, notebook)
    parameters = parameters_of(yard, image, wish.param, wish.params)
    display_name = Path(wish.file).name if wish.file and wish.file != "-" else ""
    path = str(notebook.resolve()) if notebook is not None else None
    if wish.name:
        kernel = yard.kernels.get_or_create(
            wish.name,
            image=image,
            template=wish.template,
            display_name=display_name,
            environment=wish.environment,
            parameters=parameters,
            path=path,
        )
        say_whether_made(kernel, wish.name)
        say_what_it_waits_for(kernel.info)
        return kernel
    kernel = yard.kernels.create(
        image,
        template=wish.template,
        display_name=display_name,
        environment=wish.environment,
        parameters=parameters,
        path=path,
    )
    say_what_it_waits_for(kernel.info)
    return kernel


def _image(wish: Wish, yard: Client, notebook: Path | None) -> str:
    if notebook is None:
        return wish.image or DEFAULT_IMAGE
    if wish.name and (live := live_kernel(yard, wish.name)) is not None:
        return live.info.image.name
    from kernelyard.cli.resolve import resolved, say_why

    found = resolved(yard, notebook, image=wish.image)
    say_why(found)
    return found.image


def _leave(wish: Wish, kernel: Kernel) -> None:
    """Terminate the kernel unless it was there before us or is to stay."""
    if wish.keep or (wish.name and not kernel.created):
        note(f"The kernel goes on; end it with: kernelyard kernels terminate {kernel.id}")
    else:
        kernel.terminate()


def _say_detached(wish: Wish, kernel: Kernel, tasks: list[str]) -> None:
    if wish.json:
        show_json({"kernel": kernel.id, "created": kernel.created, "tasks": tasks})
        return
    for task in tasks:
        typer.echo(task)
    if len(tasks) == 1:
        note(f"Read it with: kernelyard tail -f {tasks[0]}")
    else:
        note(f"Come back with: kernelyard run {wish.file} --resume {kernel.id}")
    note(f"The kernel stays; end it with: kernelyard kernels terminate {kernel.id}")
