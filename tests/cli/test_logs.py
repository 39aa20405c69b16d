"""``kernelyard logs`` prints the end of a log, and follows it until its kernel has ended."""

from __future__ import annotations

import json

import pytest

from kernelyard.cli.main import main

from tests.support.flaky_server import Reply, Request, flaky_server
from tests.support.yard_answers import KERNEL_ID, a_kernel, say


class Kernel:
    """Its process prints a line each time somebody waits for its end, and ends after some."""

    def __init__(self, *lines: str, last: int = 3, kept_from: int = 0, **fields: object) -> None:
        self.text = "".join(f"{line}\n" for line in lines).encode()
        self.waits = 0
        self.last = last
        self.kept_from = kept_from
        self.fields = fields

    def __call__(self, request: Request) -> Reply:
        if request.path == f"/v1/kernels/{KERNEL_ID}/logs":
            return self.log(request.query)
        if "wait" in request.query:
            self.waits += 1
            self.text += b"line %d\n" % self.waits
        state = "terminated" if self.waits >= self.last else "idle"
        return say(a_kernel(state=state, **self.fields))

    def log(self, query: dict[str, list[str]]) -> Reply:
        limit, size = int(query["limit"][0]), len(self.text)
        begin = int(query["after"][0]) if "after" in query else max(size - limit, self.kept_from)
        end = min(begin + limit, size)
        text = self.text[begin:end].decode()
        place = {"begin": begin, "end": end, "size": size, "kept_from": self.kept_from}
        return say({"text": text, **place})


def status_of(kernel: Kernel, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    with flaky_server(kernel) as server:
        monkeypatch.setenv("KERNELYARD_URL", server.url)
        monkeypatch.setenv("KERNELYARD_TOKEN", "secret")
        with pytest.raises(SystemExit) as exited:
            main(["logs", KERNEL_ID, *arguments])
    return int(exited.value.code or 0)


def test_what_is_there_is_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert status_of(Kernel("one", "two"), monkeypatch) == 0
    assert capsys.readouterr() == ("one\ntwo\n", "")


@pytest.mark.parametrize(("count", "told"), [("1", "two\n"), ("0", ""), ("9", "one\ntwo\n")])
def test_the_last_lines_are_counted(
    count: str, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert status_of(Kernel("one", "two"), monkeypatch, "-n", count) == 0
    assert capsys.readouterr().out == told


def test_following_ends_with_the_kernel_and_misses_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kernel = Kernel("before")
    assert status_of(kernel, monkeypatch, "-f") == 0
    assert capsys.readouterr().out == "before\nline 1\nline 2\nline 3\n"


def test_each_piece_is_one_line_of_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert status_of(Kernel("before", last=1), monkeypatch, "-f", "-o", "json") == 0
    pieces = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [piece["text"] for piece in pieces] == ["before\n", "line 1\n"]
    assert [piece["end"] for piece in pieces] == [7, 14]


def test_it_is_said_when_the_beginning_is_no_longer_kept(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert status_of(Kernel("one", "two", kept_from=4), monkeypatch) == 0
    told = capsys.readouterr()
    assert told.out == "two\n"
    assert "the first 4 B are no longer kept" in told.err


def test_it_is_said_when_a_log_was_removed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kernel = Kernel(last=0, outputs_removed_at="2026-01-02T03:04:05.000000Z")
    assert status_of(kernel, monkeypatch) == 0
    assert "removed with its outputs at 2026-01-0" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", [("-n", "-1"), ("-n", "x"), ("-n", "3", "-o", "json")])
def test_wrong_usage_exits_with_2(wrong: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    assert status_of(Kernel(), monkeypatch, *wrong) == 2
