"""Finding out what a complete kernel loads, by one that is forked for a trial and ends at once."""

import importlib
import json
import os
import shutil
import signal
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from . import becoming
from .booting import Prepared
from .fitness import Unfit

_SECONDS = 60


def learn(prepared: Prepared) -> None:
    """Import what a kernel has imported when it has answered once. Raises Unfit if it does not answer."""
    ours, its = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(ours)
        _try(prepared, its)
    os.close(its)
    with os.fdopen(ours, "rb") as end:
        said = end.read()
    os.waitpid(pid, 0)
    if not said:
        raise Unfit(
            "a kernel that was forked for a trial did not answer; the log of the zygote says why"
        )
    for name in json.loads(said):
        if name not in sys.modules:
            try:
                importlib.import_module(name)
            except Exception:  # noqa: BLE001, S112 - made by other modules, under names that are none
                continue


def _try(prepared: Prepared, its: int) -> None:
    """In the child: be a kernel until it has answered, and tell what is loaded by then."""
    signal.alarm(_SECONDS)
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    place = Path(tempfile.mkdtemp())

    def ask() -> None:
        try:
            _ask(place)
            os.write(its, json.dumps(list(sys.modules)).encode())
        finally:
            shutil.rmtree(place, ignore_errors=True)
            os._exit(0)

    try:
        connection = {"transport": "ipc", "ip": str(place / "s"), "key": "trial"}
        connection.update(signature_scheme="hmac-sha256")
        ports: dict[str, Any] = dict.fromkeys(("shell_port", "iopub_port", "stdin_port"), 0)
        ports.update(control_port=0, hb_port=0)
        file = place / "connection.json"
        file.write_text(json.dumps({**connection, **ports}))
        becoming.start(prepared, str(file), trial=True)
        threading.Thread(target=ask, daemon=True).start()
        prepared.app.start()
    except BaseException:  # noqa: BLE001 - whatever it was, its log says it
        import traceback

        traceback.print_exc(file=sys.__stderr__)
    shutil.rmtree(place, ignore_errors=True)
    os._exit(1)


def _ask(place: Path) -> None:
    import zmq
    from jupyter_client.session import Session

    told = json.loads((place / "connection.json").read_text())
    session = Session(key=b"trial")
    with zmq.Context() as context, context.socket(zmq.DEALER) as shell:
        shell.connect(f"ipc://{told['ip']}-{told['shell_port']}")
        session.send(shell, "execute_request", {"code": "pass", "silent": False})
        shell.recv_multipart()
        shell.close(0)
