"""How kernels are started, as the command line says and shows it."""

from __future__ import annotations

import json

import pytest

from kernelyard.cli.main import main

from tests.support.flaky_server import Reply, Request, flaky_server
from tests.support.yard_answers import say

ZYGOTE = {
    "name": "abc",
    "images": ["kernelspec/python3"],
    "preload": ["numpy"],
    "shared": False,
    "user": "ann",
    "state": "ready",
    "forks": 3,
    "pid": 7,
    "pss_bytes": 2_000_000,
}
IMAGES = [
    {"name": "python3", "language": "python", "start": "fork", "start_reason": None},
    {"name": "ir", "language": "R", "start": "exec", "start_reason": "it is not Python"},
]


class Answering:
    """Answers as a server with one zygote, two images and one template."""

    def __init__(self) -> None:
        self.template: dict[str, object] = {"name": "data"}

    def __call__(self, request: Request) -> Reply:
        if "/templates" in request.path:
            self.template |= json.loads(request.body or b"{}")
            return say(self.template)
        if "/images" in request.path:
            return say({"items": IMAGES, "next_cursor": None})
        return say({"items": [ZYGOTE], "next_cursor": None, "most": 4, "forked": 3, "executed": 1})


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> dict[str, object]:
    answering = Answering()
    with flaky_server(answering) as server:
        monkeypatch.setenv("KERNELYARD_URL", server.url)
        monkeypatch.setenv("KERNELYARD_TOKEN", "secret")
        with pytest.raises(SystemExit) as exited:
            main(arguments)
    assert not exited.value.code
    return answering.template


def test_modules_and_the_way_of_starting_are_said_of_a_template(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = ["--preload", "numpy", "--preload", "pandas", "--start", "exec"]
    sent = run(monkeypatch, "templates", "create", "data", *said)
    assert sent == {"name": "data", "preload": ["numpy", "pandas"], "start": "exec"}
    shown = [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()]
    assert ["preload", "numpy, pandas"] in shown
    assert ["start", "exec"] in shown


def test_a_templates_modules_are_taken_away_and_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = run(monkeypatch, "templates", "update", "data", "--no-preload")
    assert taken == {"name": "data", "preload": []}
    assert run(monkeypatch, "templates", "update", "data", "--gpu", "1") == {
        "name": "data",
        "gpu": 1,
    }


def test_images_say_how_their_kernels_are_started(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch, "images")
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    started = {row[0]: row[rows[0].index("start")] for row in rows}
    assert started == {"name": "start", "python3": "fork", "ir": "exec (it is not Python)"}


def test_zygotes_are_listed_with_whose_they_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch, "zygotes")
    told = capsys.readouterr()
    assert "\tnumpy\tann\tready\t3\t" in told.out
    assert "At most 4" in told.err
    run(monkeypatch, "zygotes", "-o", "json")
    assert json.loads(capsys.readouterr().out)["items"][0]["user"] == "ann"
