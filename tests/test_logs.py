"""Logs: one line per event, ids from the context, no secrets."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator

import pytest
import structlog

from kernelyard.logs import configure_logs, drop_secrets

Lines = Callable[[], list[dict[str, object]]]


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def lines(stream: io.StringIO) -> Lines:
    configure_logs(json=True, stream=stream)
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_line_with_its_fields(lines: Lines) -> None:
    structlog.get_logger("kernelyard.test").info("task.started", seq=3)
    (line,) = lines()
    assert line["event"] == "task.started"
    assert line["seq"] == 3
    assert line["level"] == "info"
    assert line["logger"] == "kernelyard.test"
    assert str(line["at"]).endswith("Z")


def test_lines_of_the_standard_library_look_the_same(lines: Lines) -> None:
    logging.getLogger("somebody").warning("told %s", "so", extra={"status": 3})
    (line,) = lines()
    assert (line["event"], line["status"], line["level"]) == ("told so", 3, "warning")


def test_folded_fields_are_lifted_and_empty_ones_left_out(lines: Lines) -> None:
    logging.getLogger("room").info("kernel.x", extra={"fields": {"kernel_id": "k", "why": None}})
    (line,) = lines()
    assert line["kernel_id"] == "k"
    assert "why" not in line
    assert "fields" not in line


def test_ids_of_the_context_are_in_every_line(lines: Lines) -> None:
    with structlog.contextvars.bound_contextvars(request_id="r", kernel_id="k", task_id="t"):
        structlog.get_logger("a").info("one")
        logging.getLogger("b").info("two")
    structlog.get_logger("a").info("three")
    inside, also_inside, outside = lines()
    for line in (inside, also_inside):
        assert (line["request_id"], line["kernel_id"], line["task_id"]) == ("r", "k", "t")
    assert "request_id" not in outside


@pytest.mark.parametrize(
    "name",
    [
        "token",
        "admin_token",
        "password",
        "Authorization",
        "cookie",
        "hmac_key",
        "key",
        "environment",
    ],
)
def test_fields_named_like_secrets_are_dropped(lines: Lines, name: str) -> None:
    structlog.get_logger().info("x", **{name: "hunter22"}, nested={"deep": [{name: "hunter22"}]})
    assert "hunter22" not in json.dumps(lines())


@pytest.mark.parametrize("name", ["token_id", "kernel_id", "keyboard", "idempotent", "path"])
def test_other_fields_stay(lines: Lines, name: str) -> None:
    structlog.get_logger().info("x", **{name: "shown"})
    assert lines()[0][name] == "shown"


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer abcdefghijklmnop",
        "GET /x?token=abcdefghijklmnop&y=1",
        "the token ky_abcdefghijklmnopqrstuvwxyz was sent",
        "GET /v1/tokens/kya_abcdefghijklmnopqrstuvwxyz",
        "the token's text is eyJhbGciOiJSUzI1NiJ9.eyJabcdefghijklmnop.c2lnbmF0dXJl",
        "BEARER\tabcdefghijklmnop",
        "to\u212aen abcdefghijklmnop",
        '("127.0.0.1", 5) - "WebSocket /v1/x?a=1&token=%6By_abcdefghijklmnop" [accepted]',
        "/x?token=!@:abcdefghijklmnop",
    ],
)
def test_secrets_inside_texts_are_masked(text: str) -> None:
    cleaned = str(drop_secrets(None, "info", {"event": text})["event"])
    assert "abcdefghijklmnop" not in cleaned
    assert "[removed]" in cleaned


def test_a_secret_in_a_traceback_is_masked(lines: Lines) -> None:
    try:
        raise ValueError("no: Bearer abcdefghijklmnop")
    except ValueError:
        structlog.get_logger().exception("failed")
    (line,) = lines()
    assert "ValueError" in str(line["exception"])
    assert "abcdefghijklmnop" not in json.dumps(line)


def test_the_level_decides_what_is_told(stream: io.StringIO) -> None:
    configure_logs(json=True, level="warning", stream=stream)
    structlog.get_logger().info("quiet")
    structlog.get_logger().warning("loud")
    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["loud"]


def test_configuring_twice_does_not_tell_twice(stream: io.StringIO) -> None:
    configure_logs(json=True, stream=io.StringIO())
    configure_logs(json=True, stream=stream)
    structlog.get_logger().info("once")
    assert len(stream.getvalue().splitlines()) == 1


def test_people_read_the_event_first_and_the_ids_last(stream: io.StringIO) -> None:
    configure_logs(stream=stream)
    structlog.get_logger().info("task.started", request_id="r1", seq=3)
    line = stream.getvalue()
    assert line.index("task.started") < line.index("seq=3") < line.index("request_id=r1")
    assert "\x1b" not in line


@pytest.mark.parametrize("sign", ["\0", "\x1b[2J", "\x07", "\x9b2J", "\u202e", "\u2028", "\r\n"])
def test_what_somebody_puts_into_an_address_does_not_command_a_terminal(
    stream: io.StringIO, sign: str
) -> None:
    configure_logs(stream=stream)
    structlog.get_logger().info("http.request", path=f"/v1/{sign}kernels", status=404)
    (line,) = stream.getvalue().splitlines()
    assert line.isprintable()
    assert "kernels" in line


@pytest.mark.parametrize("text", ["/x?token=a!@:b&y=1", "/x?token=%41b&y=1", "/x?token=b&y=1"])
def test_a_short_token_in_an_address_is_masked_and_the_rest_stays(text: str) -> None:
    cleaned = drop_secrets(None, "info", {"event": text})["event"]
    assert cleaned == "/x?token=[removed]&y=1"


def test_what_somebody_logs_with_a_traceback_a_stack_and_odd_messages_is_a_line(
    lines: Lines,
) -> None:
    somebody = logging.getLogger("somebody")
    try:
        raise ValueError("no: Bearer abcdefghijklmnop")
    except ValueError:
        somebody.exception("failed")
    somebody.warning("where", stack_info=True)
    somebody.warning({"an": "object"})
    failed, where, odd = lines()
    assert "ValueError" in str(failed["exception"])
    assert "abcdefghijklmnop" not in json.dumps(failed)
    assert "Stack (most recent call last)" in str(where["stack"])
    assert odd["event"] == "{'an': 'object'}"
    assert {"at", "level", "logger", "event"} == set(odd)
