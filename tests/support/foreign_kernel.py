"""A real ipykernel that is started outside of everything, as a stranger would start it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from secrets import token_hex
from typing import Any, Self

from jupyter_client import BlockingKernelClient

SECONDS = 40.0
PORTS = ("shell", "iopub", "stdin", "control", "hb")


class ForeignKernel:
    """One kernel process, and its connection file."""

    def __init__(self, file: Path, *arguments: str) -> None:
        self.file = file
        environment = {key: value for key, value in os.environ.items() if key != "JPY_PARENT_PID"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "ipykernel_launcher", "-f", str(file), *arguments],
            env={**environment, "IPYTHONDIR": str(file.parent / "ipython")},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.wait_until(lambda: file.exists() and self._readable())

    @classmethod
    def over_ipc(cls, directory: Path) -> Self:
        """One that listens at unix sockets, and signs in another way than most."""
        file, sockets = directory / "ipc.json", directory / "sockets"
        ports = {f"{name}_port": place for place, name in enumerate(PORTS, 1)}
        how = {"transport": "ipc", "ip": str(sockets), "signature_scheme": "hmac-sha512"}
        file.write_text(json.dumps({**how, **ports, "key": token_hex(20)}))
        kernel = cls(file)
        kernel.wait_until(lambda: (directory / "sockets-4").exists())
        return kernel

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def content(self) -> dict[str, Any]:
        """What its connection file says."""
        return dict(json.loads(self.file.read_bytes()))

    @property
    def key(self) -> str:
        """Its secret."""
        return str(self.content["key"])

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def signal(self, number: int) -> None:
        """Send it a signal."""
        os.kill(self._process.pid, number)

    def kill(self) -> None:
        """End it at once."""
        if self.alive:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def wait(self) -> int:
        """Wait until it has ended; return its exit status."""
        return self._process.wait(SECONDS)

    def client(self) -> BlockingKernelClient:
        """A plain Jupyter client of it, with open channels."""
        client = BlockingKernelClient()
        client.load_connection_file(str(self.file))
        # Without heartbeats: on a busy machine Jupyter's client takes a slow one for a death.
        client.start_channels(hb=False)
        client.wait_for_ready(timeout=SECONDS)
        return client

    def says(self, expression: str) -> str:
        """What an expression is there, asked by a plain client."""
        client = self.client()
        try:
            client.execute("", user_expressions={"it": expression}, silent=True)
            reply = client.get_shell_msg(timeout=SECONDS)
            return str(reply["content"]["user_expressions"]["it"]["data"]["text/plain"])
        finally:
            client.stop_channels()

    def _readable(self) -> bool:
        try:
            return bool(self.content["shell_port"])
        except (ValueError, KeyError):
            return False

    def wait_until(self, condition: Any) -> None:
        """Wait until a condition holds."""
        until = time.monotonic() + SECONDS
        while not condition():
            assert self.alive, "the kernel ended at its start"
            assert time.monotonic() < until, "the kernel wrote no connection file"
            time.sleep(0.01)
