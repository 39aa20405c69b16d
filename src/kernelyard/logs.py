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
    r"(?P<before>\b(?:bearer|token)\s+|[?&](?:\w*token|\w*key|password|secret|signature)=)"
    r"[A-Za-z0-9_~+/.=-]{12,}|\bky_[A-Za-z0-9_-]{20,}",
    re.IGNORECASE,
)
_DEPTH = 4
_CHATTY = ("alembic", "uvicorn", "httpx", "httpcore", "asyncio")
"""Libraries whose everyday events are worth a line only with ``debug``."""


def configure_logs(
    *, json: bool = False, level: str = "info", stream: TextIO | None = None
) -> None:
    """Send every log line to ``stream`` (standard error if None), ours and those of libraries.

    May be called again; the last call decides.
    """
    stream = sys.stderr if stream is None else stream
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        structlog.processors.StackInfoRenderer(),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), _unfolded, *shared],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_rendering(json=json, colours=stream.isatty()),
            ],
        )
    )
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
            structlog.processors.JSONRenderer(default=str, ensure_ascii=False),
        ]
    return [
        structlog.processors.format_exc_info,
        drop_secrets,
        _ids_last,
        structlog.dev.ConsoleRenderer(
            colors=colours,
            sort_keys=False,
            timestamp_key="at",
            pad_event_to=28,
            exception_formatter=structlog.dev.plain_traceback,
        ),
    ]


def _cleaned(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return _SECRET_TEXT.sub(lambda found: f"{found['before'] or ''}[removed]", value)
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    if isinstance(value, Mapping):
        if depth == 0:
            return f"<{len(value)} fields>"
        return {
            key: _cleaned(inner, depth - 1)
            for key, inner in value.items()
            if not (isinstance(key, str) and _SECRET_FIELD.search(key))
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [_cleaned(one, depth - 1) for one in value] if depth else f"<{len(value)} items>"
    return value


def _unfolded(
    _: WrappedLogger | None, __: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Lift what a room without structlog logged as ``extra={"fields": {…}}``."""
    fields = event.pop("fields", None)
    if isinstance(fields, Mapping):
        event.update({key: value for key, value in fields.items() if value is not None})
    return event


def _ids_last(
    _: WrappedLogger | None, __: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    for name in CONTEXT_FIELDS:
        if name in event:
            event[name] = event.pop(name)
    return event
