"""How a kernel tells the ports that it has chosen (JEP 66), in both dialects that kernels speak.

In dialect *a* (xeus) a message has one signed part, its content, with ports as texts. In dialect *b*
(ark) it is a whole kernel message, ``handshake_request``, with ports as numbers, and so is the answer.
Both can be told apart by the number of their frames, so that one socket serves both; the files that
tell a kernel where to register differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from kernelyard.wire.connections import PORTS
from kernelyard.wire.messages import reply_to
from kernelyard.wire.multipart import DELIMITER, MalformedMessage, join, split
from kernelyard.wire.signing import SCHEME, Signer

Dialect = Literal["a", "b"]
LARGEST_MESSAGE = 64 * 1024
"""Bytes of one frame; whoever sends more than a kernel would is no kernel."""
_MOST_FRAMES = 12
_LAST_PORT = 65_535

Ports = tuple[int, int, int, int, int]


class _Told(msgspec.Struct, frozen=True):
    """Content of a registration: numbers, or their texts."""

    shell_port: int
    iopub_port: int
    stdin_port: int
    control_port: int
    hb_port: int


_told = msgspec.json.Decoder(_Told, strict=False)


@dataclass(frozen=True, slots=True)
class Registration:
    """One message to the registration socket, not verified yet."""

    frames: Sequence[bytes]
    at: int
    """Where the delimiter stands."""

    @property
    def dialect(self) -> Dialect:
        return "a" if len(self.frames) == self.at + 3 else "b"

    def ports(self, signer: Signer) -> Ports:
        """Return the ports, in the order shell, iopub, stdin, control, heartbeat.

        Raises MalformedMessage if it is not signed by ``signer``, and WrongPorts if it is, and says
        nothing that can be used.
        """
        if self.dialect == "a":
            signature, content = self.frames[self.at + 1 :]
            if not signer.verify(signature, [content]):
                raise MalformedMessage("the signature of a registration is wrong")
            return _ports(content)
        return _ports(split(self.frames, signer).content)

    def acknowledgement(
        self, signer: Signer, *, msg_id: str, session: str, date: str
    ) -> list[bytes]:
        """Return the frames of the answer that lets the kernel go on."""
        content = b'{"status":"ok"}'
        if self.dialect == "a":
            return [*self.frames[: self.at], DELIMITER, signer.sign([content]), content]
        request = split(self.frames, signer)
        answer = reply_to(
            request, "handshake_reply", content, msg_id=msg_id, session=session, date=date
        )
        return join(answer, signer)


class WrongPorts(ValueError):
    """A kernel has registered with what are no five ports."""


def read_registration(frames: Sequence[bytes]) -> Registration:
    """Return a message that has the form of a registration. Raises MalformedMessage."""
    for at, frame in enumerate(frames[:_MOST_FRAMES]):
        if frame == DELIMITER:
            told = len(frames) - at
            if told == 3 or 6 <= told <= _MOST_FRAMES:
                return Registration(frames, at)
            break
    raise MalformedMessage("this is no registration of a kernel")


def registration_file(
    dialect: Dialect, *, kernel_id: str, kernel_name: str, address: tuple[str, int], key: str
) -> bytes:
    """Return the content of the file that tells a kernel where to register."""
    host, port = address
    shared = {
        "transport": "tcp",
        "ip": host,
        "signature_scheme": SCHEME,
        "key": key,
        "kernel_name": kernel_name,
    }
    if dialect == "b":
        # A 'registration_ip' is not known in this dialect, and the port must be a number.
        return msgspec.json.encode({**shared, "registration_port": port})
    own = {"kernel_id": kernel_id, "registration_ip": host, "registration_port": str(port)}
    return msgspec.json.encode({**shared, **own})


def _ports(content: bytes) -> Ports:
    try:
        told = _told.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise WrongPorts(f"it has registered without its ports: {error}") from error
    shell, iopub, stdin, control, heartbeat = ports = [getattr(told, name) for name in PORTS]
    if not all(0 < port <= _LAST_PORT for port in ports) or len(set(ports)) != len(ports):
        raise WrongPorts(f"it has registered with ports that cannot be: {ports}")
    return shell, iopub, stdin, control, heartbeat
