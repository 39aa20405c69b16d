"""How a forked process becomes a kernel: all that a process which is run gets from the system, and the rest."""

import errno
import os
import signal
import socket
import sys
import time
from typing import Any

from . import fitness, looks, randomness
from .booting import Prepared, signature
from .channel import read_exactly, read_frame, say

KERNEL_ID = "KERNELYARD_KERNEL_ID"


def become(cord: socket.socket, log: int, prepared: Prepared) -> str:
    """Take on a job; return the connection file. Ends the process where it is not to be a kernel."""
    os.setsid()
    _arrange_descriptors(cord.fileno(), log)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    job = read_frame(cord)
    if job is None:
        os._exit(0)
    prepared.children.hold(job["groups"], job["limits"])
    try:
        os.chdir(job["cwd"])
    except OSError as error:
        problem = {"errno": error.errno or errno.EINVAL, "problem": error.strerror or str(error)}
        _leave(cord, problem)
    if why := _hindrance(prepared, job["env"]):
        _leave(cord, {"no_zygote": why})
    looks.show(job["argv"], job["env"], first=KERNEL_ID)
    say(cord, {"pid": os.getpid()})
    _take_on(job, prepared)
    # Until here nobody outside can have noticed it; who asked for it may be dead.
    if read_exactly(cord, 1) is None:
        os._exit(0)
    cord.close()
    return str(job["connection_file"])


def _leave(cord: socket.socket, said: "dict[str, Any]") -> None:
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


def _hindrance(prepared: Prepared, wanted: "dict[str, str]") -> str:
    """Why another process than this one is needed; nothing if none is."""
    had, is_taken_up = prepared.environment, prepared.taken_up.is_taken_up
    for name in had.keys() | wanted.keys():
        if is_taken_up(name) and had.get(name) != wanted.get(name):
            return f"the variable {name} is not what it was when modules were imported"
    if signature(prepared.app) != prepared.config_files:
        return "the configuration of IPython has changed"
    return ""


def _take_on(job: "dict[str, Any]", prepared: Prepared) -> None:
    looks.set_environment(_with_changes(job["env"], prepared))
    prepared.shell.init_environment()
    if os.environ.get("TZ") != prepared.environment.get("TZ"):
        time.tzset()
    randomness.renew(prepared.generators)
    argv = job["argv"]
    if hasattr(sys, "orig_argv"):
        sys.orig_argv[:] = argv
    sys.argv[1:] = _arguments(argv)


def _with_changes(wanted: "dict[str, str]", prepared: Prepared) -> "dict[str, str]":
    """What imports have set is set in a kernel, too, unless the kernel is given something else."""
    had = prepared.environment
    changed = {
        name: value for name, value in prepared.changes.items() if wanted.get(name) == had.get(name)
    }
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


def start(prepared: Prepared, connection_file: str, *, trial: bool = False) -> None:
    """Make the rest of the kernel, as its application does, and run it until it is to end.

    At a ``trial`` no code of users runs.
    """
    from IPython.core.application import BaseIPythonApplication

    app = prepared.app
    app.config.IPKernelApp.connection_file = connection_file
    app.connection_file = connection_file
    app.parent_handle = int(os.environ.get("JPY_PARENT_PID") or 0)
    _complete_shell(prepared)
    if trial:
        app.init_code = lambda: None
        app.extensions = []
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


def _complete_shell(prepared: Prepared) -> None:
    """Let the shell know its kernel as soon as there is one, as if it had been made by it."""
    app = prepared.app
    shell = prepared.shell
    go_on = app.init_path

    def init_path() -> None:
        del app.init_path
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
