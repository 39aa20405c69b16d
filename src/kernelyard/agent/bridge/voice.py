"""What a bridge says in its own name: events, statuses, and answers that no kernel gives any more."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import uuid4

from kernelyard.agent.bridge.desk import Desk
from kernelyard.agent.bridge.lines import Request
from kernelyard.agent.bridge.publishing import Publisher
from kernelyard.agent.bridge.room import Room
from kernelyard.agent.logs import Log
from kernelyard.wire import nanny
from kernelyard.wire.composing import Composer
from kernelyard.wire.messages import ask
from kernelyard.wire.multipart import Parts, join
from kernelyard.wire.requests import EXECUTE
from kernelyard.wire.signing import Signer

_NO_PARENT = b"{}"


class Voice:
    """Speaks to the clients of one bridge."""

    def __init__(
        self, name: str, signer: Signer, on_listener: Callable[[], None], log: Log, room: Room
    ) -> None:
        self.iopub = Publisher(log, self._welcome, self._missed, on_listener, room)
        self._signer = signer
        self._composer = Composer(name)

    def tell(self, control: Desk, name: str, event: nanny.Event) -> None:
        """Tell every client of an event: on control, on iopub, and there in words, too."""
        # Each a message of its own: clients take the same one for a forgery when it comes twice.
        control.send_all(self.compose(name, event))
        self.publish(name, event)
        text = f"[kernelyard] {event.sentence(name)}\n"
        self.publish("stream", {"name": "stderr", "text": text})

    def answer(self, desk: Desk, request: Request, content: object) -> None:
        """Answer a request that no kernel will answer, with the sounds that a kernel makes."""
        reply = request.header.reply_type
        parent = request.parts.header
        self.publish("status", {"execution_state": "busy"}, parent)
        if request.header.msg_type == EXECUTE and isinstance(content, dict) and "ename" in content:
            line = f"{content['ename']}: {content['evalue']}"
            told = {"ename": content["ename"], "evalue": content["evalue"], "traceback": [line]}
            self.publish("error", told, parent)
        self.publish("status", {"execution_state": "idle"}, parent)
        if reply is not None:
            desk.send(request.client, self.compose(reply, content, parent))

    def publish(self, msg_type: str, content: object, parent: bytes = _NO_PARENT) -> None:
        """Say something to everybody."""
        self.pass_on(self.compose(msg_type, content, parent, topic=msg_type.encode()))

    def pass_on(self, parts: Parts) -> None:
        """Say to everybody what the kernel said; the topic, where it has one, is in the identities."""
        if self.iopub.port.peers:
            self.iopub.publish(join(parts, self._signer))

    def compose(
        self, msg_type: str, content: object, parent: bytes = _NO_PARENT, topic: bytes | None = None
    ) -> Parts:
        """Return a message."""
        made = self._composer.compose(msg_type, content, date=_now(), parent=parent)
        identities = () if topic is None else (topic,)
        return Parts(made.header, made.parent, made.metadata, made.content, (), identities)

    def question(self) -> tuple[str, Parts]:
        """Return the request that asks a kernel who it is, and its id."""
        msg_id = uuid4().hex
        session = self._composer.session
        return msg_id, ask("kernel_info_request", msg_id=msg_id, session=session, date=_now())

    def _welcome(self, topic: bytes) -> list[bytes]:
        content = {"subscription": topic.decode(errors="replace")}
        return join(self.compose("iopub_welcome", content), self._signer)

    def _missed(self, count: int) -> list[bytes]:
        text = f"[kernelyard] This client was too slow and missed {count} messages.\n"
        return join(self.compose("stream", {"name": "stderr", "text": text}), self._signer)


def _now() -> str:
    return datetime.now(UTC).isoformat()
