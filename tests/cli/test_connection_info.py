"""``kernelyard connection-info`` writes a file for its owner only, and says where it is good."""

from __future__ import annotations

import json
import socket
import stat
from pathlib import Path

import pytest

from kernelyard import Client
from kernelyard.cli.connection_info import warn_elsewhere
from kernelyard.cli.main import main

from tests.support.flaky_server import Reply, Request, flaky_server
from tests.support.yard_answers import KERNEL_ID, a_kernel, say

INFO = {"transport": "tcp", "ip": "127.0.0.1", "shell_port": 5, "key": "k", "kernel_id": KERNEL_ID}


def answer(request: Request) -> Reply:
    if request.path.endswith("/connection"):
        return Reply(status=204) if request.method == "DELETE" else say(INFO)
    return say(a_kernel())


def status_of(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    with flaky_server(answer) as server:
        monkeypatch.setenv("KERNELYARD_URL", server.url)
        monkeypatch.setenv("KERNELYARD_TOKEN", "secret")
        with pytest.raises(SystemExit) as exited:
            main(["connection-info", KERNEL_ID, *arguments])
    return int(exited.value.code or 0)


def test_the_file_lies_where_jupyter_looks_for_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    assert status_of(monkeypatch) == 0
    file = tmp_path / "runtime" / f"kernel-{KERNEL_ID}.json"
    assert capsys.readouterr().out == f"{file}\n"
    content = json.loads(file.read_text())
    assert content.pop("kernelyard_server").startswith("http://127.0.0.1:")
    assert content == INFO
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_file_that_was_there_is_replaced_whole(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "mine.json"
    file.write_text("x" * 10_000)
    file.chmod(0o644)
    assert status_of(monkeypatch, "--output", str(file), "-o", "json") == 0
    assert json.loads(capsys.readouterr().out) == {"kernel_id": KERNEL_ID, "file": str(file)}
    assert json.loads(file.read_text()) == INFO
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [one.name for one in tmp_path.iterdir() if "mine" in one.name] == ["mine.json"]


def test_the_content_is_printed_where_that_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert status_of(monkeypatch, "--output", "-") == 0
    assert json.loads(capsys.readouterr().out) == INFO


def test_closing_says_so_and_writes_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    assert status_of(monkeypatch, "--close") == 0
    assert not (tmp_path / "runtime").exists()
    assert capsys.readouterr().out == f"{KERNEL_ID} closed\n"
    assert status_of(monkeypatch, "--close", "--output", "x") == 2
    assert "leave --output out" in capsys.readouterr().err


def test_files_of_kernels_that_have_ended_go_and_those_of_others_stay(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ended, deleted, unseen = (f"{KERNEL_ID[:-1]}{digit}" for digit in "def")
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))

    def states(request: Request) -> Reply:
        if ended in request.path:
            return say(a_kernel(id=ended, state="terminated"))
        if deleted in request.path or unseen in request.path:
            return say({"code": "kernel_not_found", "detail": "There is none."}, status=404)
        return answer(request)

    def write(kernel_id: str, **fields: object) -> Path:
        file = tmp_path / f"kernel-{kernel_id}.json"
        file.write_text(json.dumps({**INFO, "kernel_id": kernel_id, **fields}))
        return file

    with flaky_server(states) as server, socket.create_server(("127.0.0.1", 0)) as listening:
        monkeypatch.setenv("KERNELYARD_URL", server.url)
        monkeypatch.setenv("KERNELYARD_TOKEN", "secret")
        with socket.create_server(("127.0.0.1", 0)) as closed:
            dead_port = closed.getsockname()[1]
        ours = {"kernelyard_server": server.url}
        gone = [write(ended, **ours), write(deleted, **ours, shell_port=dead_port)]
        stay = [
            write(unseen, **ours, shell_port=listening.getsockname()[1]),
            write("of-jupyter"),
            write("of-another-server", kernelyard_server="http://127.0.0.1:1"),
            tmp_path / "kernel-of-somebody.json",
        ]
        stay[-1].write_text(json.dumps({**INFO, "kernel_id": ended, **ours}))
        with pytest.raises(SystemExit) as exited:
            main(["connection-info", KERNEL_ID])
        assert exited.value.code in (0, None)
        assert not [file for file in gone if file.exists()]
        file = tmp_path / f"kernel-{KERNEL_ID}.json"
        assert all(one.exists() for one in [*stay, file])
        with pytest.raises(SystemExit):
            main(["connection-info", KERNEL_ID, "--close"])
        assert not file.exists()


@pytest.mark.parametrize("place", ["", "missing/file.json"])
def test_a_place_that_takes_no_file_is_named(
    place: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert status_of(monkeypatch, "--output", str(tmp_path / place)) == 1
    told = capsys.readouterr().err
    assert str(tmp_path) in told
    assert told.startswith("error: ")


def test_where_the_file_is_good_is_said_if_that_is_not_here(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with Client("https://yard.example", "secret") as yard:
        warn_elsewhere(yard)
    assert "https://yard.example is not on this machine" in capsys.readouterr().err
    with Client("http://127.0.0.1:8700", "secret") as yard:
        warn_elsewhere(yard)
    assert capsys.readouterr().err == ""
