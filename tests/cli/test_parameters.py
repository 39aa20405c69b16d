"""Launch parameters on the command line: the image's schema tells what a text stands for."""

from __future__ import annotations

from typing import Any

import pytest
import typer

from kernelyard.cli.main import main
from kernelyard.cli.parameters import parameters_of
from kernelyard.client import Client

from tests.support.flaky_server import Reply, Request, flaky_server
from tests.support.yard_answers import a_kernel, say

PROPERTIES = {
    "text": {"type": "string"},
    "count": {"type": "integer"},
    "level": {"enum": ["1", 2]},
    "free": {},
}


def answer(request: Request) -> Reply:
    if request.path.startswith("/v1/images"):
        return say({"name": "levels", "parameters": {"properties": PROPERTIES}})
    return say(a_kernel(created=True), 201)


def given(*texts: str, whole: str | None = None) -> dict[str, Any]:
    with flaky_server(answer) as server, Client(server.url, "secret") as yard:
        return parameters_of(yard, "levels", texts, whole)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("text=2", "2"),
        ("text=a=b", "a=b"),
        ("count=2", 2),
        ("count=two", "two"),
        ("level=1", "1"),
        ("level=2", 2),
        ("free=[1, true]", [1, True]),
        ("free=as it is", "as it is"),
        ("unknown=2", 2),
    ],
)
def test_a_text_stands_for_what_the_schema_wants(text: str, value: object) -> None:
    assert given(text) == {text.partition("=")[0]: value}


def test_one_object_may_be_given_and_single_ones_win() -> None:
    assert given("count=3", whole='{"count": 2, "text": "x"}') == {"count": 3, "text": "x"}
    assert given(whole='{"count": 2}') == {"count": 2}


@pytest.mark.parametrize(
    ("texts", "whole"), [(["count"], None), (["=2"], None), ([], "[1]"), ([], "{")]
)
def test_what_is_no_parameter_is_wrong_usage(texts: list[str], whole: str | None) -> None:
    with pytest.raises(typer.BadParameter):
        given(*texts, whole=whole)


def test_they_are_sent_with_the_order_of_a_kernel(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with flaky_server(answer) as server:
        monkeypatch.setenv("KERNELYARD_URL", server.url)
        monkeypatch.setenv("KERNELYARD_TOKEN", "secret")
        with pytest.raises(SystemExit) as done:
            main(["kernels", "create", "--image", "levels", "--param", "count=2"])
        orders = [one.json for one in server.requests if one.method == "POST"]
    assert done.value.code in (0, None)
    assert [order["parameters"] for order in orders if isinstance(order, dict)] == [{"count": 2}]
    assert capsys.readouterr().out.strip() == a_kernel()["id"]
