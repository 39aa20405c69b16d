"""How ipykernel is set when we start it: the one source for kernels that are run and that are forked.

Loaded by its path, by a kernel's own interpreter: nothing of ours is imported, and nothing new is used.
"""

import faulthandler
import os
import sys
import time
from importlib.util import find_spec
from typing import Any

HISTORY = "KERNELYARD_IPYTHON_HISTORY"
CONFIGURE = "kernelyard_configure"


def keep_history() -> bool:
    """Whether IPython is to keep its file of history, which all kernels of a user write to."""
    return bool(os.environ.get(HISTORY))


def arguments() -> "list[str]":
    """Return what the kernel's application is told beyond its command line."""
    # It sleeps after each cell, so that output overtakes the reply; an agent waits for both anyway.
    told = ["--IPythonKernel._execute_sleep=0"]
    if not keep_history():
        # Its SQLite costs most of the slowest answers; damaged, it would keep each from starting.
        told.append("--HistoryManager.enabled=False")
    return told


def launcher() -> "str | None":
    """Where ipykernel's own launcher is; some libraries look for it to find out that they are in a kernel."""
    spec = find_spec("ipykernel_launcher")
    return None if spec is None else spec.origin


def prepare() -> None:
    """Change what there is no setting for, in classes of which there is no instance yet."""
    from ipykernel import kernelapp, kernelbase

    _bind_without_limit(kernelapp.IPKernelApp, "_bind_socket")
    _trace_crashes(kernelapp.IPKernelApp, "init_io")
    _configurable(kernelbase.Kernel)
    _make_subshells_from_the_first(kernelbase.Kernel)


def _bind_without_limit(app: Any, name: str) -> None:
    bind = getattr(app, name, None)
    if bind is None:
        return

    def bind_without_limit(self: Any, socket: Any, port: int) -> Any:
        """Bind a socket that waits for its readers instead of dropping what is over a thousand."""
        socket.sndhwm = 0
        return bind(self, socket, port)

    setattr(app, name, bind_without_limit)


def _trace_crashes(app: Any, name: str) -> None:
    speak = getattr(app, name, None)
    if speak is None:
        return

    def begin_to_speak(self: Any) -> None:
        """Let traces of crashes go where the process itself prints, and not into its own pipe."""
        speak(self)
        copy = getattr(sys.stderr, "_original_stdstream_copy", None)
        faulthandler.enable(2 if copy is None else copy, all_threads=False)

    setattr(app, name, begin_to_speak)


def _make_subshells_from_the_first(kernel: Any) -> None:
    begin = kernel.start

    def start(self: Any) -> Any:
        """Listen to the control channel last: the first message may ask for a subshell, and before all
        else has begun such a request is not answered.
        """
        control = getattr(self, "control_stream", None)
        if control is None or getattr(self, "shell_channel_thread", None) is None:
            return begin(self)
        self.control_stream = None
        try:
            begun = begin(self)
        finally:
            self.control_stream = control
        control.on_recv(self.dispatch_control, copy=False)
        return begun

    kernel.start = start


def _configurable(kernel: Any) -> None:
    """Let kernels answer a message by which they are given an environment and a directory."""
    request = CONFIGURE + "_request"

    def configure(self: Any, stream: Any, ident: Any, parent: Any) -> None:
        """Answer on the control channel."""
        try:
            take_on(parent["content"])
            if parent["content"].get("cwd") is not None:
                begin_here(self.shell)
        except (OSError, ValueError) as error:
            content = {"status": "error", "ename": type(error).__name__, "evalue": str(error)}
            content["traceback"] = []  # type: ignore[assignment]
        else:
            content = {"status": "ok"}
        self.session.send(stream, CONFIGURE + "_reply", content, parent, ident=ident)

    if hasattr(kernel, "control_msg_types") and request not in kernel.control_msg_types:
        setattr(kernel, request, configure)
        kernel.control_msg_types = [*kernel.control_msg_types, request]


def begin_here(shell: Any) -> None:
    """Let IPython know the present directory as the one in which it was started."""
    here = os.getcwd()  # noqa: PTH109 - it is text there
    if hasattr(shell, "starting_dir"):
        shell.starting_dir = here
    visited = getattr(getattr(shell, "history_manager", None), "dir_hist", None)
    if visited:
        visited[:] = [here]


def take_on(content: "dict[str, Any]") -> None:
    """Change variables of the environment (None removes one) and the directory. Raises ValueError, OSError."""
    environment = content.get("environment") or {}
    cwd = content.get("cwd")
    if not isinstance(environment, dict) or not (cwd is None or isinstance(cwd, str)):
        raise ValueError("environment must be an object, cwd text or null")
    for name, value in environment.items():
        if not name or "=" in name or "\0" in name:
            raise ValueError("a variable has a name that cannot be")
        if value is not None and (not isinstance(value, str) or "\0" in value):
            raise ValueError("the value of " + name + " is no text that can be")
    if cwd is not None:
        os.chdir(cwd)
    for name, value in environment.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    if "TZ" in environment:
        time.tzset()
