"""Logs: one line per event, readable on a terminal or JSON, without secrets.

Rooms log through ``structlog.get_logger()`` with an event name and fields, or through the standard
library; both end in the same lines. ``request_id``, ``kernel_id`` and ``task_id`` come from
``structlog.contextvars``: whoever works on a kernel binds them once, and every line inside has them.

Used by the server and by the agent, so it imports neither.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from json import JSONEncoder
from typing import Any, TextIO


@contextmanager
def _as_if_missing(name: str) -> Iterator[None]:
    """Let imports go without a package that they take if it is there."""
    if name in sys.modules:
        yield
        return
    # This is how Python marks what cannot be imported.
    sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[name]


# structlog loads rich, which takes as long as all the rest of it, for tracebacks that we never show.
with _as_if_missing("rich"):
    import structlog
    from structlog.typing import EventDict, Processor, WrappedLogger

CONTEXT_FIELDS = ("request_id", "kernel_id", "task_id")
"""The ids that lines carry; a human reader gets them last, in this order."""

_SECRET_FIELD = re.compile(
    r"(?:^|[_.-])(?:tokens?|secrets?|passwords?|passwd|authorization|cookies?|credentials?"
    r"|api[_-]?key|private[_-]?key|hmac[_-]?key|signature[_-]?key|environment|env)$"
    r"|^(?:key|headers)$",
    re.IGNORECASE,
)
_SECRET_TEXT = re.compile(
    r"(?P<before>\b(?:bearer|token)\s+)[A-Za-z0-9_~+/.=-]{12,}"
    r"|(?P<name>[?&](?:\w*token|\w*key|password|secret|signature)=)[^&\s\"']+"
    r"|\bkya?_[A-Za-z0-9_-]{20,}"
    r"|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*",
    re.IGNORECASE,
)
_SIGNS = ("?", "&", "ky_", "kya_", "eyj", "bearer", "token")
"""With what a match of it begins, in small letters."""
_UNPRINTABLE = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]"
)
"""What moves cursors, rings bells or turns lines around where a terminal shows it."""
_RECORD_FIELDS = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime"}
"""What the standard library itself puts into a record; all else was given by whoever logs."""
_DEPTH = 4
_JSON = JSONEncoder(default=str, ensure_ascii=False)
_CHATTY = ("alembic", "uvicorn", "httpx", "httpcore", "asyncio")
"""Libraries whose everyday events are worth a line only with ``debug``."""


_CONTEXT: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
    structlog.processors.StackInfoRenderer(),
]


def configure_logs(
    *, json: bool = False, level: str = "info", stream: TextIO | None = None
) -> None:
    """Send every log line to ``stream`` (standard error if None), ours and those of libraries.

    May be called again; the last call decides.
    """
    stream = sys.stderr if stream is None else stream
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *_CONTEXT,
            _handed_on,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_Lines(_rendering(json=json, colours=stream.isatty())))
    root = logging.getLogger()
    for old in [handler for handler in root.handlers if handler.get_name() == __name__]:
        root.removeHandler(old)
    handler.set_name(__name__)
    root.addHandler(handler)
    root.setLevel(level.upper())
    for chatty in _CHATTY:
        quiet = level in ("info", "warning")
        logging.getLogger(chatty).setLevel(logging.WARNING if quiet else logging.NOTSET)


def drop_secrets(_: WrappedLogger | None, __: str, event: EventDict) -> EventDict:
    """Remove fields that are named like secrets, and mask what looks like one inside texts."""
    cleaned = _cleaned(event, _DEPTH)
    return dict(cleaned) if isinstance(cleaned, Mapping) else event


def _rendering(*, json: bool, colours: bool) -> list[Processor]:
    if json:
        return [
            structlog.processors.format_exc_info,
            drop_secrets,
            _as_json,
        ]
    return [
        structlog.processors.format_exc_info,
        drop_secrets,
        _printable,
        _ids_last,
        structlog.dev.ConsoleRenderer(
            colors=colours,
            sort_keys=False,
            timestamp_key="at",
            pad_event_to=28,
            exception_formatter=structlog.dev.plain_traceback,
        ),
    ]


class _Event(dict[str, Any]):
    """An event with its fields, as it goes through the standard library."""


def _handed_on(
    _: WrappedLogger | None, __: str, event: EventDict
) -> tuple[tuple[_Event], dict[str, Any]]:
    return (_Event(event),), {}


class _Lines(logging.Formatter):
    """Makes a line of an event of ours, or of what others log."""

    def __init__(self, rendering: list[Processor]) -> None:
        super().__init__()
        self._rendering = rendering

    def format(self, record: logging.LogRecord) -> str:
        message: object = record.msg
        event: Any = dict(message) if isinstance(message, _Event) else _of_others(record)
        for processor in self._rendering:
            event = processor(None, record.levelname.lower(), event)
        return str(event)


def _of_others(record: logging.LogRecord) -> EventDict:
    """The event that a record without one stands for; ``extra={"fields": {…}}`` is lifted."""
    event: EventDict = {"event": record.getMessage()}
    if record.exc_info:
        event["exc_info"] = record.exc_info
    if record.stack_info:
        event["stack"] = record.stack_info
    for key, value in record.__dict__.items():
        if key == "fields" and isinstance(value, Mapping):
            event.update({name: inner for name, inner in value.items() if inner is not None})
        elif key not in _RECORD_FIELDS:
            event[key] = value
    event = structlog.contextvars.merge_contextvars(None, "", event)
    event["level"] = record.levelname.lower()
    event["logger"] = record.name
    event["at"] = datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z")
    return event


@lru_cache(maxsize=1024)
def _is_secret(name: str) -> bool:
    return _SECRET_FIELD.search(name) is not None


def _masked(text: str) -> str:
    return _SECRET_TEXT.sub(_mask, text) if _may_match(text) else text


def _may_match(text: str) -> bool:
    """Whether there is anything with which a match of _SECRET_TEXT begins."""
    if not text.isascii():
        return True  # lower() does not find all there that a pattern which ignores case does
    text = text.lower()
    return any(sign in text for sign in _SIGNS)


def _mask(found: re.Match[str]) -> str:
    return f"{found['before'] or found['name'] or ''}[removed]"


def _cleaned(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return _masked(value)
    if isinstance(value, int | float) or value is None:
        return value
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    if isinstance(value, Mapping):
        if depth == 0:
            return f"<{len(value)} fields>"
        return {
            key: _cleaned(inner, depth - 1)
            for key, inner in value.items()
            if not (isinstance(key, str) and _is_secret(key))
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [_cleaned(one, depth - 1) for one in value] if depth else f"<{len(value)} items>"
    return value


def _printable(_: WrappedLogger | None, __: str, event: EventDict) -> EventDict:
    """Write out what would command a terminal: anybody may put it into an address."""
    for name, value in event.items():
        if isinstance(value, str) and _UNPRINTABLE.search(value):
            event[name] = _UNPRINTABLE.sub(_written_out, value)
    return event


def _written_out(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")


def _as_json(_: WrappedLogger | None, __: str, event: EventDict) -> str:
    return _JSON.encode(event)


def _ids_last(
    _: WrappedLogger | None, __: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    for name in CONTEXT_FIELDS:
        if name in event:
            event[name] = event.pop(name)
    return event
