"""Connection files: how a kernel is told where to listen, and how others know where it does.

The content is that of Jupyter's connection files (JEP 106): ports may be numbers or their texts, and
keys that we do not know stay unread.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from kernelyard.wire.signing import SCHEME

Transport = Literal["ipc", "tcp"]
_LOOPBACK = "127.0.0.1"
PORTS = ("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port")


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """The content of a connection file."""

    transport: Transport = "tcp"
    ip: str = _LOOPBACK
    """For ``ipc`` the path with which the sockets' names begin."""
    shell_port: int
    iopub_port: int
    stdin_port: int
    control_port: int
    hb_port: int
    key: str
    signature_scheme: str = SCHEME
    kernel_name: str = ""

    @property
    def ports(self) -> tuple[int, int, int, int, int]:
        """Shell, iopub, stdin, control, heartbeat."""
        return (
            self.shell_port,
            self.iopub_port,
            self.stdin_port,
            self.control_port,
            self.hb_port,
        )

    def url(self, port: int) -> str:
        """The ZeroMQ address of one of the sockets."""
        if self.transport == "ipc":
            return f"ipc://{self.ip}-{port}"
        host = f"[{self.ip}]" if ":" in self.ip else self.ip
        return f"tcp://{host}:{port}"


def parse_connection(content: bytes | str) -> Connection:
    """Return what a connection file says. Raises ValueError with what is wrong with it."""
    try:
        return msgspec.json.decode(content, type=Connection, strict=False)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"this is not the content of a connection file: {error}") from error
