"""Finding out what a complete kernel does, by one that is forked for a trial and ends when it has answered."""

import contextlib
import ctypes
import importlib
import json
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import becoming, pages
from .booting import Prepared
from .fitness import Unfit

_SECONDS = 60
_LONGEST_PLACE = 90
"""Of a directory in which there are sockets."""
_PR_SET_PDEATHSIG = 1


def learn(prepared: Prepared) -> None:
    """Import what a kernel has imported when it has answered once. Raises Unfit if it does not answer."""
    for name in _trial(prepared, lambda: list(sys.modules)):
        if name not in sys.modules:
            try:
                importlib.import_module(name)
            except Exception:  # noqa: BLE001, S112 - made by other modules, under names that are none
                continue
    if "storemagic" in getattr(prepared.app, "default_extensions", ()):
        # Of IPython itself, and the only one that each kernel has; at a trial none are loaded.
        with contextlib.suppress(Exception):
            importlib.import_module("IPython.extensions.storemagic")


def learn_pages(prepared: Prepared) -> pages.Copying:
    """Return what copies the pages that a kernel has written to when it has answered once."""
    return pages.Copying(pages.within(_trial(prepared, pages.own_pages)))


def _trial(prepared: Prepared, tell: "Callable[[], list[Any]]") -> "list[Any]":
    """Fork a kernel and a client; return what is to be told of the kernel when it has answered."""
    ours, its = os.pipe()
    asked, answered = os.pipe()
    place = _place(prepared.sources)
    try:
        children = [_forked(lambda: _try(prepared, place, asked, its, tell))]
        children.append(_forked(lambda: _ask(place, answered, its)))
        for one in (its, asked, answered):
            os.close(one)
        with os.fdopen(ours, "rb") as end:
            said = end.read()
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    if not said:
        raise Unfit(
            "a kernel that was forked for a trial did not answer; the log of the zygote says why"
        )
    return list(json.loads(said))


def _place(sources: str) -> Path:
    """Make a directory for sockets; where the agent clears up, if the path is short enough."""
    place = Path(sources).with_suffix(".trial")
    if sources == os.devnull or len(os.fsencode(place)) > _LONGEST_PLACE:
        place = Path("/tmp") / f"kernelyard-trial-{os.urandom(8).hex()}"  # noqa: S108
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(0o700)
    return place


def _forked(do: "Callable[[], None]") -> int:
    parent = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)
    signal.alarm(_SECONDS)
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    try:
        do()
    except BaseException:  # noqa: BLE001 - whatever it was, the log says it
        import traceback

        sys.stderr = sys.__stderr__
        traceback.print_exc()
    os._exit(1)


def _try(
    prepared: Prepared, place: Path, asked: int, its: int, tell: "Callable[[], list[Any]]"
) -> None:
    """Be a kernel until it has answered, and tell."""

    def wait() -> None:
        if os.read(asked, 1):
            said = json.dumps(tell()).encode()
            while said:
                said = said[os.write(its, said) :]
        os._exit(0)

    ports = dict.fromkeys(("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port"), 0)
    connection = {"transport": "ipc", "ip": str(place / "s"), "key": "trial", **ports}
    file = place / "begun.json"
    file.write_text(json.dumps({**connection, "signature_scheme": "hmac-sha256"}))
    becoming.start(prepared, str(file), trial=True)
    threading.Thread(target=wait, daemon=True).start()
    file.rename(place / "connection.json")
    prepared.app.start()


def _ask(place: Path, answered: int, its: int) -> None:
    """Be a client that asks once."""
    # If the kernel ends without a word, that is to be noticed at once.
    os.close(its)
    import zmq
    from jupyter_client.session import Session

    file = place / "connection.json"
    while not file.exists():
        time.sleep(0.002)
    told = json.loads(file.read_text())
    session = Session(key=b"trial")
    with zmq.Context() as context, context.socket(zmq.DEALER) as shell:
        shell.connect(f"ipc://{told['ip']}-{told['shell_port']}")
        session.send(shell, "execute_request", {"code": "pass", "silent": False})
        shell.recv_multipart()
        os.write(answered, b".")
        shell.close(0)
    os._exit(0)
