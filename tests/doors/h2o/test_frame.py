"""What is true of every request of this dialect, whatever it is about."""

from __future__ import annotations

import json

import httpx
import pytest
import structlog
from starlette.types import ASGIApp

from kernelyard.doors._asgi.app import build_app
from kernelyard.doors._asgi.settings import AppSettings
from kernelyard.doors.h2o import H2ODoor
from kernelyard.doors.h2o.frame import Frame
from kernelyard.doors.h2o.routing import Call, Routes, Table
from kernelyard.model.errors import KernelNotFound, TaskFinished
from kernelyard.model.json import JsonObject

from tests.doors.h2o.wire import Wire
from tests.support.http_house import House, raw

subject = Routes()


@subject.get("workspaces/*/kernels/*/tasks/*/messages")
@subject.post("workspaces/*/kernels/*:terminate")
@subject.get("workspaces/*/kernels/*")
async def told(call: Call) -> JsonObject:
    """Tell what has arrived."""
    if call.ids[1] == "missing":
        raise KernelNotFound
    if call.ids[1] == "finished":
        raise TaskFinished
    if call.ids[1] == "broken":
        raise RuntimeError("a secret")
    return {
        "name": call.name,
        "ids": list(call.ids),
        "query": dict(call.query),
        "body": call.body,
        "who": call.who.name,
    }


class _Door(H2ODoor):
    def before(self, routes: ASGIApp, home: object) -> ASGIApp:
        return Frame(routes, home, Table([subject]), {})  # type: ignore[arg-type]


@pytest.fixture
async def framed(house: House, wire: Wire) -> Wire:
    """A frame around one subject that repeats what it is asked."""
    app = build_app(house.yard, AppSettings(version="1", body_limit=1000), [_Door()])
    transport = httpx.ASGITransport(app)
    client = httpx.AsyncClient(transport=transport, base_url="http://yard")
    return Wire(client, app, wire.token)


@pytest.mark.parametrize(
    "path",
    [
        "/v1/workspaces%2Fdefault%2Fkernels%2Fk1%2Ftasks%2Ft1/messages?pageSize=0&pageToken=",
        "/v1/workspaces/default/kernels/k1/tasks/t1/messages",
        "/v1/workspaces%2fdefault/kernels%2Fk1/tasks/t1%2Fmessages?pageSize=0",
    ],
)
async def test_names_are_decoded_once_and_may_be_spelled_with_slashes(
    framed: Wire, path: str
) -> None:
    answer = await framed.send("GET", path)
    assert answer.status == 200
    assert answer.body["ids"] == ["default", "k1", "t1"]
    assert answer.body["name"] == "workspaces/default/kernels/k1/tasks/t1/messages"


async def test_a_path_may_begin_with_two_slashes(framed: Wire) -> None:
    # The client adds paths that begin with one to an address that ends with one.
    headers = {"authorization": f"Bearer {framed.token}"}
    status, _, _ = await raw(framed.app, "//v1/workspaces/default/kernels/k1", headers=headers)
    assert status == 200


async def test_a_name_that_is_encoded_twice_is_not_decoded_twice(framed: Wire) -> None:
    answer = await framed.send("GET", "/v1/workspaces/default/kernels/a%252Fb")
    assert answer.fault == (400, 3)
    assert "invalid Kernel name" in answer.message


async def test_an_empty_parameter_is_not_set(framed: Wire) -> None:
    answer = await framed.send("GET", "/v1/workspaces/default/kernels/k1?kernelId=&pageSize=3")
    assert answer.body["query"] == {"pageSize": "3"}


async def test_a_verb_stands_behind_a_colon(framed: Wire) -> None:
    answer = await framed.send("POST", "/v1/workspaces%2Fdefault%2Fkernels%2Fk1:terminate", {})
    assert (answer.status, answer.body["ids"]) == (200, ["default", "k1"])
    unknown = await framed.send("POST", "/v1/workspaces%2Fdefault%2Fkernels%2Fk1:restart", {})
    assert unknown.fault == (404, 5)


@pytest.mark.parametrize("token", [None, "", "wrong"])
async def test_nothing_is_told_without_a_token(framed: Wire, token: str | None) -> None:
    for path in ("workspaces/default/kernels/k1", "workspaces/default/nonsense", "workspaces"):
        answer = await framed.holding(token).send("GET", f"/v1/{path}")
        assert answer.fault == (401, 16)
        assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    "path",
    [
        "workspaces",
        "workspaces/",
        "workspaces/default",
        "workspaces/default/nonsense",
        "workspaces/default/kernels/k1/tasks/t1/messages/m1/more",
        "workspaces//kernels//tasks//messages//",
        "workspaces/default/kernels/k1/",
        "workspaces%2F..%2F..%2Fwhoami",
        "workspaces/%00",
    ],
)
async def test_a_path_without_anything_is_told_in_this_dialect(framed: Wire, path: str) -> None:
    answer = await framed.send("GET", f"/v1/{path}")
    assert answer.fault in ((404, 5), (400, 3))


@pytest.mark.parametrize("id_", ["A", "1a", "a-", "a" * 64, "a_b", "é", "a%00b", "a.b", "%20", "-"])
async def test_an_id_that_none_can_be_is_refused(framed: Wire, id_: str) -> None:
    answer = await framed.send("GET", f"/v1/workspaces/default/kernels/{id_}")
    assert answer.fault == (400, 3)
    assert answer.message.startswith("validation error: invalid Kernel name")


@pytest.mark.parametrize("id_", ["a", "a" * 63, "a1", "a--1"])
async def test_an_id_may_have_up_to_63_letters_digits_and_dashes(framed: Wire, id_: str) -> None:
    assert (await framed.send("GET", f"/v1/workspaces/default/kernels/{id_}")).status == 200


async def test_another_workspace_is_missing_to_an_administrator_and_closed_to_a_user(
    framed: Wire, user: Wire
) -> None:
    path = "/v1/workspaces/other/kernels/k1"
    assert (await framed.send("GET", path)).fault == (404, 5)
    assert (await framed.holding(user.token).send("GET", path)).fault == (403, 7)


async def test_what_is_missing_is_closed_to_a_user(framed: Wire, user: Wire) -> None:
    path = "/v1/workspaces/default/kernels/missing"
    assert (await framed.send("GET", path)).fault == (404, 5)
    assert (await framed.holding(user.token).send("GET", path)).fault == (403, 7)


async def test_a_state_that_does_not_allow_it_is_the_callers_mistake(framed: Wire) -> None:
    answer = await framed.send("POST", "/v1/workspaces/default/kernels/finished:terminate", {})
    assert answer.fault == (400, 9)


async def test_a_method_that_is_not_taken_is_told_with_those_that_are(framed: Wire) -> None:
    answer = await framed.send("PUT", "/v1/workspaces/default/kernels/k1", {})
    assert answer.fault == (405, 12)
    assert answer.headers["allow"] == "GET"


@pytest.mark.parametrize(
    "content",
    [b"{", b"[]", b"null", b'"text"', b"\xff{}", b'{"a": "\xff"}', b'{"a": 1}{', b"[" * 900],
)
async def test_a_body_that_is_no_object_is_refused(framed: Wire, content: bytes) -> None:
    path = "/v1/workspaces/default/kernels/k1:terminate"
    answer = await framed.send("POST", path, content=content)
    assert answer.fault == (400, 3)
    assert answer.message.startswith("validation error: ")


async def test_an_empty_body_is_an_empty_object(framed: Wire) -> None:
    path = "/v1/workspaces/default/kernels/k1:terminate"
    assert (await framed.send("POST", path, content=b"")).body["body"] == {}


@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_over_the_limit_is_told_in_this_dialect(framed: Wire, announced: bool) -> None:
    headers = {"authorization": f"Bearer {framed.token}"}
    if announced:
        headers["content-length"] = "5000"
    status, _, body = await raw(
        framed.app,
        "/v1/workspaces/default/kernels/k1:terminate",
        method="POST",
        headers=headers,
        bodies=[b" " * 500] * 10,
    )
    told = json.loads(body)
    assert (status, told["code"]) == (413, 8)
    assert "1000" in told["message"]


async def test_what_nobody_expected_is_told_without_a_secret(framed: Wire) -> None:
    with structlog.testing.capture_logs() as lines:
        answer = await framed.send("GET", "/v1/workspaces/default/kernels/broken")
    assert answer.fault == (500, 13)
    assert lines[0]["event"] == "http.failed"
    assert "secret" not in answer.message
