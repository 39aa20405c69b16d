"""Kernel messages: the few fields that we read, and the requests that we send.

Content is never parsed unless a field of it decides something; it is handed on as the kernel wrote it.
"""

from __future__ import annotations

import json
from typing import Literal

import msgspec

from kernelyard.model.json import JsonObject, JsonValue
from kernelyard.wire.multipart import MalformedMessage, Parts

PROTOCOL_VERSION = "5.3"
_EMPTY = b"{}"
NO_PARTS = Parts(b"", b"", b"", b"")


class Header(msgspec.Struct, frozen=True, gc=False):
    """What a header says of a message."""

    msg_id: str = ""
    msg_type: str = ""


class Message(msgspec.Struct, frozen=True, gc=False):
    """One message from a kernel."""

    type: str
    id: str
    parent: str
    """Id of the request that it belongs to; empty if it belongs to none."""
    content: bytes
    parts: Parts = NO_PARTS
    """The whole of it, for those who pass it on."""


class Error(msgspec.Struct, frozen=True):
    """What code raised: content of an ``error`` message, and part of a reply."""

    ename: str = ""
    evalue: str = ""
    traceback: list[str] = []


class Reply(msgspec.Struct, frozen=True):
    """What an ``execute_reply`` says."""

    status: str = ""
    execution_count: int | None = None
    ename: str = ""
    evalue: str = ""
    traceback: list[str] = []


class Status(msgspec.Struct, frozen=True, gc=False):
    """Content of a ``status`` message."""

    execution_state: str = ""


class Stream(msgspec.Struct, frozen=True):
    """Content of a ``stream`` message."""

    name: str = "stdout"
    text: str = ""


class Configure(msgspec.Struct, frozen=True):
    """Content of a ``kernelyard_configure_request``: what a running kernel is to take up."""

    environment: dict[str, str | None]
    """None: to forget a variable."""
    cwd: str | None


class _OwnHeader(msgspec.Struct, frozen=True):
    msg_id: str
    msg_type: str
    session: str
    date: str
    username: str = "kernelyard"
    version: str = PROTOCOL_VERSION


class _Execute(msgspec.Struct, frozen=True):
    code: str
    silent: bool = False
    store_history: bool = True
    user_expressions: dict[str, str] = {}
    allow_stdin: bool = False
    stop_on_error: bool = False


class _Shutdown(msgspec.Struct, frozen=True):
    restart: bool


_headers = msgspec.json.Decoder(Header)
_errors = msgspec.json.Decoder(Error)
_replies = msgspec.json.Decoder(Reply)
_statuses = msgspec.json.Decoder(Status)
_streams = msgspec.json.Decoder(Stream)
_raw = msgspec.json.Decoder(msgspec.Raw)
_encoder = msgspec.json.Encoder()

Question = Literal["kernel_info_request", "interrupt_request"]


def read_header(data: bytes) -> Header:
    """Return a header; an empty one for ``{}``, and for the ``null`` that some kernels write.

    Raises MalformedMessage.
    """
    try:
        return _headers.decode(data) if data != b"null" else Header()
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedMessage(f"a header cannot be read: {error}") from error


def read_error(content: bytes) -> Error:
    """Return what an ``error`` message tells, as much of it as can be read."""
    try:
        return _errors.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        fields = _loosely(content)
        return Error(
            _text(fields, "ename"), _text(fields, "evalue"), _lines(fields.get("traceback"))
        )


def read_reply(content: bytes) -> Reply:
    """Return what an ``execute_reply`` tells, as much of it as can be read."""
    try:
        return _replies.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        fields = _loosely(content)
        count = fields.get("execution_count")
        return Reply(
            _text(fields, "status"),
            count if isinstance(count, int) else None,
            _text(fields, "ename"),
            _text(fields, "evalue"),
            _lines(fields.get("traceback")),
        )


def read_state(content: bytes) -> str:
    """Return the state that a ``status`` message tells; empty if there is none."""
    try:
        return _statuses.decode(content).execution_state
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""


def ask(question: Question, *, msg_id: str, session: str, date: str) -> Parts:
    """Return a request without content."""
    return _request(question, _EMPTY, msg_id=msg_id, session=session, date=date)


def execute_request(code: str, *, msg_id: str, session: str, date: str) -> Parts:
    """Return the request to run ``code``: with history, without prompts, not aborting what follows."""
    content = _encoder.encode(_Execute(code))
    return _request("execute_request", content, msg_id=msg_id, session=session, date=date)


def warm_up_request(*, msg_id: str, session: str, date: str) -> Parts:
    """Return the request to run next to nothing, without a trace: the first execution is the slowest.

    The expression is shown in the reply only; to show something takes time at first, too.
    """
    asked = _Execute("None", silent=True, store_history=False, user_expressions={"shown": "0"})
    return _request(
        "execute_request", _encoder.encode(asked), msg_id=msg_id, session=session, date=date
    )


def configure_request(asked: Configure, *, msg_id: str, session: str, date: str) -> Parts:
    """Return the request to take up other variables and another directory.

    Only kernels that we have made fit for it answer to this.
    """
    content = _encoder.encode(asked)
    return _request(
        "kernelyard_configure_request", content, msg_id=msg_id, session=session, date=date
    )


def shutdown_request(*, restart: bool, msg_id: str, session: str, date: str) -> Parts:
    """Return the request to end."""
    content = _encoder.encode(_Shutdown(restart))
    return _request("shutdown_request", content, msg_id=msg_id, session=session, date=date)


def reply_to(
    request: Parts, msg_type: str, content: bytes, *, msg_id: str, session: str, date: str
) -> Parts:
    """Return an answer to a request that came to us, for whoever has sent it."""
    header = _encoder.encode(_OwnHeader(msg_id, msg_type, session, date))
    return Parts(header, request.header, _EMPTY, content, identities=request.identities)


def shorten_stream(content: bytes, most: int) -> bytes:
    """Return the content of a ``stream`` message with its text cut to at most ``most`` bytes.

    Empty bytes if nothing is left of it.
    """
    try:
        stream = _streams.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return b""
    text = stream.text.encode(errors="replace")[: max(0, most)].decode(errors="ignore")
    return _encoder.encode(Stream(stream.name, text)) if text else b""


def split_stream(content: bytes, most: int) -> list[bytes]:
    """Return the content of a ``stream`` message as several, each with at most ``most`` characters.

    As it is if it cannot be read.
    """
    try:
        stream = _streams.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return [content]
    return [
        _encoder.encode(Stream(stream.name, stream.text[at : at + most]))
        for at in range(0, len(stream.text), most)
    ]


def clean_content(content: bytes) -> bytes:
    """Return ``content`` as one line of valid JSON in UTF-8 that is an object.

    Nearly always these are the bytes the kernel sent. What is no JSON object is kept as the text of
    its field ``unreadable``.
    """
    try:
        if not content.isascii():
            content.decode()
        _raw.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _encoder.encode(_loosely(content))
    if b"\n" in content or b"\r" in content:
        # A line break in valid JSON stands between tokens; inside a text it would be escaped.
        content = content.replace(b"\n", b" ").replace(b"\r", b" ")
    return content if content.lstrip(b" \t")[:1] == b"{" else _unreadable(content)


def _request(msg_type: str, content: bytes, *, msg_id: str, session: str, date: str) -> Parts:
    header = _encoder.encode(_OwnHeader(msg_id, msg_type, session, date))
    return Parts(header, _EMPTY, _EMPTY, content)


def _unreadable(content: bytes) -> bytes:
    return _encoder.encode({"unreadable": content.decode(errors="replace")})


def _loosely(content: bytes) -> JsonObject:
    """Read what kernels write beyond JSON: NaN, half surrogate pairs, other encodings."""
    text = content.decode(errors="replace")
    try:
        value: JsonValue = json.loads(text, parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        return {"unreadable": text}
    if not isinstance(value, dict):
        return {"unreadable": text}
    whole: JsonValue = json.loads(_without_surrogates(json.dumps(value, ensure_ascii=False)))
    return whole if isinstance(whole, dict) else {"unreadable": text}


def _without_surrogates(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _text(fields: JsonObject, key: str) -> str:
    value = fields.get(key)
    return value if isinstance(value, str) else "" if value is None else str(value)


def _lines(value: JsonValue) -> list[str]:
    return [str(line) for line in value] if isinstance(value, list) else []
