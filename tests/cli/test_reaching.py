"""How commands find the kernel or task that is meant, and go on when one of several is not there."""

from __future__ import annotations

import json

import pytest

from kernelyard.cli.connection import kernel_of, say_whether_made, task_of
from kernelyard.cli.main import main
from kernelyard.client import Client, NotFoundError

from tests.support.flaky_server import Reply, Request, flaky_server
from tests.support.yard_answers import KERNEL_ID, a_kernel, refuse, say


def only_an_ended_one(request: Request) -> Reply:
    """A server with one kernel, named 'nightly', that has ended."""
    ended = a_kernel(state="failed", name="nightly", reason="killed by SIGKILL")
    if request.path == "/v1/kernels":
        fits = request.query.get("name") == ["nightly"] and "state" not in request.query
        return say({"items": [ended] if fits else [], "next_cursor": None})
    if request.path.startswith(f"/v1/kernels/{KERNEL_ID}"):
        return Reply(status=204) if request.method == "DELETE" else say(ended)
    return refuse(404, "not_found", "There is no such thing.")


def test_a_name_stands_for_the_newest_kernel_where_none_lives() -> None:
    with flaky_server(only_an_ended_one) as server, Client(server.url, "secret") as yard:
        assert kernel_of(yard, "nightly").info.reason == "killed by SIGKILL"


def test_what_is_not_there_is_named() -> None:
    with flaky_server(only_an_ended_one) as server, Client(server.url, "secret") as yard:
        with pytest.raises(NotFoundError, match="There is no kernel 'nope'"):
            kernel_of(yard, "nope")
        with pytest.raises(NotFoundError, match="There is no task 'nope'"):
            task_of(yard, "nope")


@pytest.mark.parametrize("command", ["delete", "terminate"])
def test_an_unknown_kernel_does_not_keep_the_others_from_their_end(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with flaky_server(only_an_ended_one) as server:
        monkeypatch.setenv("KERNELYARD_URL", server.url)
        monkeypatch.setenv("KERNELYARD_TOKEN", "secret")
        with pytest.raises(SystemExit) as exited:
            main(["kernels", command, "nope", "nightly"])
    told = capsys.readouterr()
    assert exited.value.code == 1
    assert "There is no kernel 'nope'." in told.err
    assert told.out.startswith(KERNEL_ID)


@pytest.mark.parametrize(
    ("created", "said"), [(True, "Made the kernel"), (False, "Using the live kernel")]
)
def test_whether_a_kernel_of_a_name_was_made_is_said(
    created: bool,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with flaky_server(lambda _: say({**a_kernel(name="n"), "created": created})) as server:
        with Client(server.url, "secret") as yard:
            say_whether_made(yard.kernels.get_or_create("n"), "n")
        assert capsys.readouterr().err.startswith(said)
        monkeypatch.setenv("KERNELYARD_URL", server.url)
        monkeypatch.setenv("KERNELYARD_TOKEN", "secret")
        with pytest.raises(SystemExit):
            main(["kernels", "create", "--name", "n", "-o", "json"])
    assert json.loads(capsys.readouterr().out)["created"] is created
