"""A small kernel that meets its launcher as it is told, and behaves well or badly as it is told.

``python standin_kernel.py CONNECTION_FILE TRAIT …``. What it runs it prints, behind the name of how it
was met. It needs nothing but pyzmq.

============== ==============================================================================
a, b           registers (JEP 66) in this dialect; without an acknowledgement it exits with 3
file           chooses ports and writes them into its file, half of it first
tcp            uses the ports that it is given; exits with 4 if there are none
ipc            the same for unix sockets
colon          names its unix sockets with a colon
first-taken    says that its address is in use, and exits, until a file of that name is there
welcome        greets new topics on iopub (JEP 65)
mute           binds its sockets and answers nothing
muted-once     the same, unless a file of that name is there; leaves it when it is asked something
unsigned       signs nothing; forged: signs with another key
deaf           answers nothing on control but a shutdown
lies           registers with ports that cannot be
wrong-key      registers with a signature that nobody can verify
============== ==============================================================================
"""

from __future__ import annotations

import hmac
import json
import sys
import time
from pathlib import Path
from typing import Any

import zmq

NAMES = ("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port")
KINDS = (zmq.ROUTER, zmq.XPUB, zmq.ROUTER, zmq.ROUTER, zmq.REP)
DELIMITER = b"<IDS|MSG>"
ACKNOWLEDGED_MS = 5000


class Kernel:
    """One kernel: five sockets and a loop."""

    def __init__(self, file: Path, traits: set[str]) -> None:
        self.file = file
        self.traits = traits
        self.said: dict[str, Any] = json.loads(file.read_bytes())
        self.key = str(self.said["key"]).encode()
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.count = 0

    def run(self) -> None:
        how = self.meet()
        self.shell, self.iopub, self.stdin, self.control, self.heartbeat = self.sockets
        if "welcome" in self.traits:
            self.iopub.setsockopt(zmq.XPUB_VERBOSE, 1)
        poller = zmq.Poller()
        for socket in self.sockets:
            poller.register(socket, zmq.POLLIN)
        while True:
            for socket, _ in poller.poll():
                if socket is self.iopub:
                    self.greet(socket.recv())
                elif socket is self.heartbeat:
                    socket.send(socket.recv())
                elif not self.answer(socket, how):
                    return

    def meet(self) -> str:
        self.exit_if_taken()
        if self.traits & {"a", "b"}:
            if "registration_port" not in self.said:
                sys.exit(5)
            self.bind(0)
            self.register_a() if "a" in self.traits else self.register_b()
            return "registration"
        if "file" in self.traits:
            if any(self.said.get(name) for name in NAMES):
                sys.exit(6)
            self.bind(0)
            self.write_back()
            return "file"
        wanted = "ipc" if self.traits & {"ipc", "colon"} else "tcp"
        if self.said.get("transport") != wanted or not self.said.get("shell_port"):
            sys.exit(4)
        self.bind(None)
        return wanted

    def exit_if_taken(self) -> None:
        mark = self.file.with_name("taken-once")
        if "first-taken" in self.traits and not mark.exists():
            mark.touch()
            sys.exit("zmq.error.ZMQError: Address already in use")

    def bind(self, port: int | None) -> None:
        self.sockets = []
        self.ports: list[int] = []
        for name, kind in zip(NAMES, KINDS, strict=True):
            socket = self.context.socket(kind)
            if port == 0:
                self.ports.append(socket.bind_to_random_port(f"tcp://{self.said['ip']}"))
            else:
                between = ":" if self.said["transport"] == "tcp" or "colon" in self.traits else "-"
                place = f"{self.said['ip']}{between}{self.said[name]}"
                socket.bind(f"{self.said['transport']}://{place}")
            self.sockets.append(socket)

    def told(self) -> dict[str, int]:
        ports = [0] * 5 if "lies" in self.traits else self.ports
        return dict(zip(NAMES, ports, strict=True))

    def register_a(self) -> None:
        # As xeus: the port must be a text.
        place = f"tcp://{self.said['registration_ip']}:" + self.said["registration_port"]
        content = json.dumps({"kernel_id": self.said["kernel_id"], **_texts(self.told())}).encode()
        socket = self.context.socket(zmq.DEALER)
        socket.connect(place)
        socket.send_multipart([DELIMITER, self.registering([content]), content])
        if not socket.poll(ACKNOWLEDGED_MS):
            sys.exit(3)
        delimiter, signature, answer = socket.recv_multipart()
        assert delimiter == DELIMITER
        assert signature == self.signature([answer])
        socket.close()

    def register_b(self) -> None:
        # As ark: the port must be a number, and it knows no other address than its own.
        place = f"tcp://{self.said['ip']}:{0 + self.said['registration_port']}"
        assert "registration_ip" not in self.said
        header = {"msg_id": "1", "msg_type": "handshake_request", "version": "5.5"}
        parts = [json.dumps(part).encode() for part in (header, {}, {}, self.told())]
        socket = self.context.socket(zmq.REQ)
        socket.connect(place)
        socket.send_multipart([DELIMITER, self.registering(parts), *parts])
        if not socket.poll(ACKNOWLEDGED_MS):
            sys.exit(3)
        _, signature, *answer = socket.recv_multipart()
        assert signature == self.signature(answer)
        assert json.loads(answer[0])["msg_type"] == "handshake_reply"
        assert json.loads(answer[1])["msg_id"] == "1"
        assert json.loads(answer[3]) == {"status": "ok"}
        socket.close()

    def write_back(self) -> None:
        whole = json.dumps({**self.said, **self.told()})
        self.file.unlink()
        self.file.touch(0o600)
        with self.file.open("w") as file:
            file.write(whole[: len(whole) // 2])
            file.flush()
            self.sockets[0].poll(50)
            file.write(whole[len(whole) // 2 :])

    def greet(self, subscription: bytes) -> None:
        if "welcome" in self.traits and subscription[:1] == b"\1":
            topic = subscription[1:]
            content = {"subscription": topic.decode()}
            self.send(self.iopub, [topic], "iopub_welcome", content, {})

    def answer(self, socket: zmq.Socket[bytes], how: str) -> bool:
        frames = socket.recv_multipart()
        at = frames.index(DELIMITER)
        identities, header = frames[:at], json.loads(frames[at + 2])
        content = json.loads(frames[at + 5])
        kind = header["msg_type"]
        if kind == "shutdown_request":
            self.send(socket, identities, "shutdown_reply", {"status": "ok"}, header)
            return False
        if self.muted() or ("deaf" in self.traits and socket is self.control):
            return True
        self.state("busy", header)
        reply = {"status": "ok"}
        if kind == "kernel_info_request":
            reply |= {"protocol_version": "5.3", "implementation": "stand-in"}
        elif kind == "execute_request":
            self.count += 1
            reply |= {"execution_count": self.count}  # type: ignore[dict-item]
            text = f"{how}: {content['code']}\n"
            self.publish("stream", {"name": "stdout", "text": text}, header)
        self.send(socket, identities, kind.replace("_request", "_reply"), reply, header)
        self.state("idle", header)
        return True

    def muted(self) -> bool:
        if "muted-once" in self.traits:
            mark = self.file.with_name("muted-once")
            self.traits.remove("muted-once")
            if not mark.exists():
                mark.touch()
                self.traits.add("mute")
        return "mute" in self.traits

    def state(self, state: str, parent: dict[str, Any]) -> None:
        self.publish("status", {"execution_state": state}, parent)

    def publish(self, kind: str, content: object, parent: dict[str, Any]) -> None:
        self.send(self.iopub, [b"kernel"], kind, content, parent)

    def send(
        self,
        socket: zmq.Socket[bytes],
        identities: list[bytes],
        kind: str,
        content: object,
        parent: dict[str, Any],
    ) -> None:
        header = {"msg_id": f"{time.monotonic_ns()}", "msg_type": kind, "session": "s"}
        parts = [json.dumps(part).encode() for part in (header, parent, {}, content)]
        socket.send_multipart([*identities, DELIMITER, self.signature(parts), *parts])

    def registering(self, parts: list[bytes]) -> bytes:
        return b"0" * 64 if "wrong-key" in self.traits else self.signature(parts)

    def signature(self, parts: list[bytes]) -> bytes:
        if "unsigned" in self.traits or not self.key:
            return b""
        key = b"another" if "forged" in self.traits else self.key
        digest = self.said.get("signature_scheme", "hmac-sha256").removeprefix("hmac-")
        return hmac.new(key, b"".join(parts), digest).hexdigest().encode()


def _texts(ports: dict[str, int]) -> dict[str, str]:
    return {name: str(port) for name, port in ports.items()}


if __name__ == "__main__":
    Kernel(Path(sys.argv[1]), set(sys.argv[2:])).run()
