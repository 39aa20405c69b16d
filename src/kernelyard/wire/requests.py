"""Requests of plain Jupyter clients, as far as whoever passes them on has to read them."""

from __future__ import annotations

import re

import msgspec

from kernelyard.wire.multipart import MalformedMessage, Parts

EXECUTE = "execute_request"


class ClientHeader(msgspec.Struct, frozen=True, gc=False):
    """What a client's header says of a request, and of who sends it."""

    msg_id: str = ""
    msg_type: str = ""
    session: str = ""
    username: str | None = ""
    subshell_id: str | None = None
    """Set if the request is for a subshell, which runs beside the others (JEP 91)."""

    @property
    def reply_type(self) -> str | None:
        """The type of the reply; None if there will be none."""
        name = self.msg_type.removesuffix("_request")
        return None if name == self.msg_type else f"{name}_reply"


_headers = msgspec.json.Decoder(ClientHeader)
_fields: msgspec.json.Decoder[dict[str, msgspec.Raw]] = msgspec.json.Decoder(dict[str, msgspec.Raw])
_texts = msgspec.json.Decoder(str)
_encoder = msgspec.json.Encoder()
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_STOP = "stop_on_error"
_CODE = "code"
_EXITS = frozenset({"exit", "quit", "exit()", "quit()"})
_EXIT = re.compile(rb'"code":\s*"\s*(exit|quit)')
_LONGEST_EXIT = 1000


def read_client_header(parts: Parts) -> ClientHeader:
    """Return the header of a request. Raises MalformedMessage."""
    try:
        return _headers.decode(parts.header)
    except _UNREADABLE as error:
        raise MalformedMessage(f"a header cannot be read: {error}") from error


def read_fields(content: bytes) -> dict[str, object]:
    """Return the fields of a content; none if it is no JSON object."""
    try:
        return msgspec.json.decode(content, type=dict[str, object])
    except _UNREADABLE:
        return {}


def read_execution(content: bytes) -> tuple[str, bytes]:
    """Return the code of an execute request, and its content written so that any kernel reads just that.

    Raises MalformedMessage for what one reader may take for other code than the next: kernels read
    more than is JSON, and not all of them the same.
    """
    try:
        fields = _fields.decode(content)
        code = _texts.decode(fields[_CODE])
    except KeyError as error:
        raise MalformedMessage("it has no code") from error
    except _UNREADABLE as error:
        raise MalformedMessage(f"its code cannot be read for certain: {error}") from error
    if "\0" in code:
        raise MalformedMessage("its code has a NUL character, which no language runs")
    return code, _encoder.encode({**fields, _CODE: code})


def is_ipython(info: bytes) -> bool:
    """Whether the content of a kernel_info reply says that the kernel is IPython's."""
    return read_fields(info).get("implementation") == "ipython"


def going_on_after_error(content: bytes) -> tuple[bytes, bool]:
    """Return the content of an execute request so that its error stops nothing that is queued behind
    it, and whether it was to."""
    try:
        fields = _fields.decode(content)
    except _UNREADABLE:
        return content, False
    stops = bytes(fields.get(_STOP, b"true")).strip() != b"false"
    return _encoder.encode({**fields, _STOP: False}) if stops else content, stops


def leaving_the_kernel(content: bytes) -> bytes:
    """Return the content of an execute request so that ``exit``, if that is all of it, ends the client only.

    IPython ends itself when it is told to exit, unless told that the kernel is to be kept.
    """
    if len(content) > _LONGEST_EXIT or not _EXIT.search(content):
        return content
    fields = read_fields(content)
    code = fields.get("code")
    if not isinstance(code, str) or code.strip() not in _EXITS:
        return content
    return _encoder.encode(
        {**fields, "code": f"{code.strip().removesuffix('()')}(keep_kernel=True)"}
    )
