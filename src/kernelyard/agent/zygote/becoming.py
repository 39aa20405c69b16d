"""How a forked process becomes a kernel: all that a process which is run gets from the system, and the rest."""

import errno
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from typing import Any, NoReturn

from . import configuring, fitness, looks, randomness
from .booting import Prepared, signature
from .channel import read_exactly, read_frame, say

KERNEL_ID = "KERNELYARD_KERNEL_ID"


def begin(cord: socket.socket, log: int) -> "dict[str, Any]":
    """Be a process of its own; return the job. Ends the process where there is none."""
    try:
        os.setsid()
        _arrange_descriptors(cord.fileno(), log)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        job = read_frame(cord)
    except BaseException as error:  # noqa: BLE001 - of this kernel, for which memory may be short
        fail(cord, error)
    if job is None:
        os._exit(0)
    return job


def become(cord: socket.socket, job: "dict[str, Any]", prepared: Prepared) -> str:
    """Take on a job; return the connection file. Ends the process where it is not to be a kernel."""
    try:
        # What is written to from here on is the kernel's own, and counts as such.
        prepared.children.hold(job["groups"], job["limits"])
        prepared.copying.run()
        enter(cord, job, prepared)
    except BaseException as error:  # noqa: BLE001 - as above
        fail(cord, error)
    say(cord, {"pid": os.getpid()})
    randomness.renew(prepared.generators)
    take_on(job["argv"], prepared)
    # Until here nobody outside can have noticed it; who asked for it may be dead.
    if read_exactly(cord, 1) is None:
        os._exit(0)
    cord.close()
    return str(job["connection_file"])


def enter(cord: socket.socket, job: "dict[str, Any]", prepared: Prepared) -> None:
    """Put directory and environment of a job in place. Ends the process where that cannot be."""
    try:
        os.chdir(job["cwd"])
    except OSError as error:
        problem = {"errno": error.errno or errno.EINVAL, "problem": error.strerror or str(error)}
        _leave(cord, problem)
    if said := _hindrance(prepared, job):
        _leave(cord, said)


def fail(cord: socket.socket, error: BaseException) -> "NoReturn":
    """End the process that cannot become a kernel, and say why."""
    _leave(cord, {"no_zygote": f"it failed when it was forked: {type(error).__name__}"})


def _leave(cord: socket.socket, said: "dict[str, Any]") -> "NoReturn":
    say(cord, said)
    os._exit(0)


def _arrange_descriptors(cord: int, log: int) -> None:
    os.dup2(log, 1)
    os.dup2(log, 2)
    for number, place in fitness.open_files().items():
        if number > 2 and number != cord and not fitness.is_harmless(place):
            try:
                os.close(number)
            except OSError:
                continue


def _hindrance(prepared: Prepared, job: "dict[str, Any]") -> "dict[str, Any]":
    """Put its environment in place; return why another process than this one is needed, if one is."""
    had, wanted, is_taken_up = prepared.environment, job["env"], prepared.taken_up.is_taken_up
    for name in had.keys() | wanted.keys():
        if had.get(name) == wanted.get(name):
            continue
        if is_taken_up(name) or name in prepared.looked_up:
            why = f"the variable {name} is not what it was when modules were imported"
            return {"no_zygote": why}
    files = signature(prepared.app)
    if files != prepared.config_files:
        return {"no_zygote": "the configuration of IPython has changed", "blame": True}
    looks.set_environment(_with_changes(wanted, prepared))
    if prepared.configuration and configuring.said(files) != prepared.configuration:
        return {"no_zygote": "the configuration of IPython is another one for this kernel"}
    # By its environment the agent finds what a kernel has left.
    if not looks.show(job["argv"], wanted, first=KERNEL_ID):
        return {"no_zygote": "the table of processes does not show what it is"}
    return {}


def take_on(argv: "list[str]", prepared: Prepared) -> None:
    """Let the interpreter know its environment and its command line."""
    prepared.shell.init_environment()
    if os.environ.get("TZ") != prepared.environment.get("TZ"):
        time.tzset()
    if hasattr(sys, "orig_argv"):
        sys.orig_argv[:] = argv
    sys.argv[1:] = _arguments(argv)
    prepared.app.argv = [*sys.argv[1:], *prepared.settings.arguments()]


def _with_changes(wanted: "dict[str, str]", prepared: Prepared) -> "dict[str, str]":
    """What imports have set is set in a kernel, too, unless the kernel is given something else."""
    had = prepared.environment
    changed = {
        name: value for name, value in prepared.changes.items() if wanted.get(name) == had.get(name)
    }
    if "PWD" in changed:
        # By a shell that the interpreter was started by: it says where that was.
        changed["PWD"] = os.getcwd()  # noqa: PTH109 - it is text
    both: dict[str, str | None] = {**wanted, **changed}
    return {name: value for name, value in both.items() if value is not None}


def _arguments(argv: "list[str]") -> "list[str]":
    """What follows the program on the command line."""
    for place, one in enumerate(argv[1:], 1):
        if not one.startswith("-"):
            return argv[place + 1 :]
        if one == "-m":
            return argv[place + 2 :]
    return []


def start(
    prepared: Prepared,
    connection_file: str,
    *,
    trial: bool = False,
    first: "Callable[[], None]" = lambda: None,
) -> None:
    """Make the rest of the kernel, as its application does, and run it until it is to end.

    At a ``trial`` no code of users runs. What is to be done ``first`` is done when there is a kernel with
    its sockets, and before anything of users.
    """
    from IPython.core.application import BaseIPythonApplication

    app = prepared.app
    introduce(app, connection_file)
    _complete_shell(prepared, first)
    if trial:
        for name in ("init_extensions", "init_gui_pylab", "init_code"):
            setattr(app, name, lambda: None)
    application: Any = BaseIPythonApplication
    initialize = application.initialize
    # This part has been done.
    application.initialize = lambda *_, **__: None
    try:
        app.initialize([])
    finally:
        application.initialize = initialize
    if not trial:
        app.start()


def introduce(app: Any, connection_file: str) -> None:
    """Let the application know which kernel it is to be."""
    app.config.IPKernelApp.connection_file = connection_file
    app.cli_config.IPKernelApp.connection_file = connection_file
    app.connection_file = connection_file
    app.parent_handle = int(os.environ.get("JPY_PARENT_PID") or 0)
    _name_user(app)


def _name_user(app: Any) -> None:
    """Let messages name the user of this kernel's environment, not the one of when it was imported."""
    session = getattr(app, "session", None)
    if session is not None and "username" not in app.config.get("Session", ()):
        session.username = os.environ.get("USER", "username")


def _complete_shell(prepared: Prepared, first: "Callable[[], None]") -> None:
    """Let the shell know its kernel as soon as there is one, as if it had been made by it."""
    app = prepared.app
    shell = prepared.shell
    go_on = app.init_path

    def init_path() -> None:
        del app.init_path
        first()
        shell.parent = shell.kernel = app.kernel
        shell.starting_dir = os.getcwd()  # noqa: PTH109 - it is text there
        shell.save_sys_module_state()
        _place_history(shell, anew=prepared.history)
        go_on()

    app.init_path = init_path


def _place_history(shell: Any, *, anew: bool) -> None:
    """Let the history begin in this process, and its list of directories in this directory."""
    if anew:
        shell.configurables.remove(shell.history_manager)
        shell.init_history()
        shell.init_user_ns()
    kept = shell.history_manager
    begin = getattr(kept, "_dir_hist_default", None)
    if begin is not None:
        kept.dir_hist[:] = begin()
