"""The quick lane answers as the routes do, and leaves to them whatever is not plain."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.types import ASGIApp

from kernelyard.doors._asgi.app import build_app
from kernelyard.doors._asgi.door import Door, Homestead
from kernelyard.doors._asgi.settings import AppSettings
from kernelyard.doors.native import NativeDoor, door

from tests.support.http_house import ADMIN, House

ABSENT = "0197a3b2-0000-7000-8000-00000000000f"
JSON = {"Content-Type": "application/json"}


class SlowDoor(NativeDoor):
    """The same without the quick lane."""

    def before(self, routes: ASGIApp, home: Homestead) -> ASGIApp:
        return routes


@pytest.fixture
async def lanes(house: House) -> AsyncIterator[tuple[httpx.AsyncClient, httpx.AsyncClient]]:
    """Two clients of one yard: with the quick lane, and without."""

    def client(of: Door) -> httpx.AsyncClient:
        app = build_app(house.yard, AppSettings(version="1", body_limit=2000), [of])
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url="http://yard",
            headers={"Authorization": f"Bearer {ADMIN}"},
        )

    async with client(door) as quick, client(SlowDoor()) as slow:
        yield quick, slow


BODIES = [
    b'{"code":"print:a"}',
    b'{"code":"print:a","labels":{"a":"b"},"time_limit":"90s","needs":null}',
    b'{"code":1}',
    b'{"code":"print:a","more":1}',
    b'{"code":"print:a","time_limit":"soon"}',
    b'{"code":"print:a","labels":{"a":1}}',
    b'{"code":"\\ud800"}',
    b'{"code":"\\u0000"}',
    b'{"code":NaN}',
    b"[]",
    b"",
    b"{",
    b"\xff\xfe",
    b"[" * 1500,
    b'{"code":"' + b"x" * 3000 + b'"}',
]
KERNELS = [
    b'{"image":"python3"}',
    b'{"image":"python3","template":"default","name":null,"display_name":"Mine","labels":{"a":"b"}}',
    b'{"image":"python3","environment":{"A":"b"},"path":"/data/report.ipynb"}',
    b'{"image":"python3","parameters":{"a":1}}',
    b'{"image":"nothing"}',
    b'{"image":"broken"}',
    b'{"image":"python3","template":"nothing"}',
    b'{"image":"python3","get_or_create":true}',
    b'{"image":"python3","name":"no/slash"}',
    b'{"image":"python3","more":1}',
    b'{"image":1}',
    b"{}",
    b"",
    b"[" * 1500,
    b'{"image":"' + b"x" * 3000 + b'"}',
]
HEADERS = [
    JSON,
    {"Content-Type": "application/json; charset=utf-8"},
    {"Content-Type": "text/plain"},
    JSON | {"Idempotency-Key": ""},
    JSON | {"Idempotency-Key": "k" * 300},
    JSON | {"Authorization": "Bearer wrong"},
    JSON | {"Authorization": ""},
]

QUERIES = (
    "", "?wait=0", "?wait=1.5", "?wait=61", "?wait=-1", "?wait=nan", "?wait=1&wait=2", "?wait=%31",
    "?wait=x", "?after=1", "?after=99", "?after=-1", "?limit=1", "?limit=0", "?stream=false",
    "?stream=1", "?more=1", "?after=99999999999999999999",
)  # fmt: skip


def told(answer: httpx.Response) -> tuple[int, object, dict[str, str]]:
    """What of an answer has to be the same on both lanes."""
    if not answer.headers["content-type"].endswith("json"):
        return answer.status_code, answer.text, {}
    body = answer.json()
    for part in (body, body.get("task", {})):
        for name in ("id", "request_id", "number", "created_at", "started_at", "ended_at"):
            part.pop(name, None)
        part.pop("execution_count", None)
    headers = {name: value for name, value in answer.headers.items() if name != "x-request-id"}
    headers.pop("content-length", None)
    return answer.status_code, body, headers


@pytest.mark.parametrize("verb", ["run", "tasks"])
@pytest.mark.parametrize("body", BODIES)
async def test_whatever_the_body_is_both_answer_alike(
    house: House, lanes: tuple[httpx.AsyncClient, httpx.AsyncClient], verb: str, body: bytes
) -> None:
    answers = []
    for lane in lanes:
        path = f"/v1/kernels/{(await house.kernel())['id']}/{verb}"
        answer = await lane.post(path, content=body, headers=JSON)
        result = told(answer)
        if isinstance(result[1], dict):
            result[1].pop("kernel_id", None)
            result[1].get("task", {}).pop("kernel_id", None)
        answers.append(result)
    assert answers[0] == answers[1]


@pytest.mark.parametrize("body", KERNELS)
@pytest.mark.parametrize("query", ["", "?more=1"])
async def test_whatever_kernel_is_asked_for_both_answer_alike(
    lanes: tuple[httpx.AsyncClient, httpx.AsyncClient], body: bytes, query: str
) -> None:
    answers = [
        told(await lane.post(f"/v1/kernels{query}", content=body, headers=JSON)) for lane in lanes
    ]
    assert answers[0] == answers[1]


@pytest.mark.parametrize("headers", HEADERS)
async def test_whatever_the_headers_of_a_new_kernel_are_both_answer_alike(
    lanes: tuple[httpx.AsyncClient, httpx.AsyncClient], headers: dict[str, str]
) -> None:
    body = b'{"image":"python3"}'
    answers = [
        told(await lane.post("/v1/kernels", content=body, headers=headers)) for lane in lanes
    ]
    assert answers[0] == answers[1]


async def test_what_goes_by_other_verbs_and_paths_is_left_to_the_routes(
    lanes: tuple[httpx.AsyncClient, httpx.AsyncClient],
) -> None:
    for verb, path in (
        ("GET", "/v1/kernels"),
        ("PUT", "/v1/kernels"),
        ("POST", "/v1/kernels/"),
        ("POST", "/v1/tasks"),
        ("GET", f"/v1/kernels/{ABSENT}"),
    ):
        answers = [told(await lane.request(verb, path)) for lane in lanes]
        assert answers[0] == answers[1], (verb, path)


@pytest.mark.parametrize("headers", HEADERS)
async def test_whatever_the_headers_are_both_answer_alike(
    house: House, lanes: tuple[httpx.AsyncClient, httpx.AsyncClient], headers: dict[str, str]
) -> None:
    kernel = await house.kernel()
    path = f"/v1/kernels/{kernel['id']}/run"
    body = b'{"code":"print:a"}'
    answers = [told(await lane.post(path, content=body, headers=headers)) for lane in lanes]
    assert answers[0] == answers[1]


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("end", ["", "/result", "/outputs"])
async def test_whatever_is_asked_of_a_task_both_answer_alike(
    house: House, lanes: tuple[httpx.AsyncClient, httpx.AsyncClient], query: str, end: str
) -> None:
    task = await house.run("print:a", "result:42")
    for path in (f"/v1/tasks/{task['id']}", f"/v1/tasks/{ABSENT}", "/v1/tasks/no-id"):
        answers = [told(await lane.get(f"{path}{end}{query}")) for lane in lanes]
        assert answers[0] == answers[1]


async def test_both_follow_alike(
    house: House, lanes: tuple[httpx.AsyncClient, httpx.AsyncClient]
) -> None:
    task = await house.run("print:a", "print:b")
    path = f"/v1/tasks/{task['id']}/outputs"
    for headers in ({}, {"Last-Event-ID": "3"}, {"Last-Event-ID": "x"}):
        accept = {"Accept": "text/event-stream"} | headers
        quick, slow = [(await lane.get(path, headers=accept)).text for lane in lanes]
        if not quick.startswith("{"):
            assert quick == slow
            assert "event: task" in quick
