"""What surrounds every request."""

from __future__ import annotations

from collections.abc import Sequence

import httpx
import pytest
import structlog
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from kernelyard.doors._asgi.app import build_app
from kernelyard.doors._asgi.door import Door
from kernelyard.doors._asgi.settings import AppSettings

from tests.support.http_house import ADMIN, House


class DoorWithAHole(Door):
    """A door whose routes break in two ways."""

    name = "hole"

    def routers(self) -> Sequence[APIRouter]:
        router = APIRouter(include_in_schema=False)

        @router.get("/breaks")
        async def breaks(request: Request) -> Response:
            raise RuntimeError("a secret detail")

        @router.get("/breaks-off")
        async def breaks_off(request: Request) -> Response:
            async def pieces():  # type: ignore[no-untyped-def]
                yield b"the beginning"
                raise RuntimeError("too late for a status")

            return StreamingResponse(pieces())

        return [router]


async def test_a_request_id_is_made_and_told(client: httpx.AsyncClient) -> None:
    first, second = await client.get("/healthz"), await client.get("/healthz")
    assert first.headers["x-request-id"] != second.headers["x-request-id"]


async def test_a_sane_request_id_of_the_caller_is_kept(client: httpx.AsyncClient) -> None:
    headers = {"X-Request-ID": "trace:1-2.3_4"}
    assert (await client.get("/healthz", headers=headers)).headers["x-request-id"] == (
        "trace:1-2.3_4"
    )


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, 'a"b', "a;b"])
async def test_any_other_request_id_is_replaced(client: httpx.AsyncClient, given: str) -> None:
    answer = await client.get("/healthz", headers={"X-Request-ID": given})
    assert answer.headers["x-request-id"] != given


async def test_every_answer_is_hardened_for_browsers(client: httpx.AsyncClient) -> None:
    for path in ("/healthz", "/v1/whoami", "/nope"):
        headers = (await client.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"
        assert "default-src 'none'" in headers["content-security-policy"]


async def test_the_log_has_one_line_per_request_with_ids_and_without_secrets(house: House) -> None:
    kernel = await house.kernel()
    path = f"/v1/kernels/{kernel['id']}"
    merge = structlog.contextvars.merge_contextvars
    with structlog.testing.capture_logs(processors=[merge]) as lines:
        await house.client.get(f"{path}?wait=ready", headers={"X-Request-ID": "mine"})
        await house.client.get(f"/v1/whoami?token={ADMIN}")
    told, other = [line for line in lines if line["event"] == "http.request"]
    assert told.pop("ms") >= 0
    assert told == {
        "event": "http.request",
        "log_level": "info",
        "method": "GET",
        "path": path,
        "status": 200,
        "request_id": "mine",
        "kernel_id": kernel["id"],
    }
    assert "kernel_id" not in other
    assert ADMIN not in repr(lines)


async def test_probes_do_not_fill_the_log(client: httpx.AsyncClient) -> None:
    with structlog.testing.capture_logs() as lines:
        await client.get("/healthz")
    assert [line["log_level"] for line in lines] == ["debug"]


async def test_an_unexpected_error_is_a_problem_without_details(house: House) -> None:
    app = build_app(house.yard, AppSettings(version="1"), [DoorWithAHole()])
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://yard") as client:
        with structlog.testing.capture_logs() as lines:
            answer = await client.get("/breaks")
    assert answer.status_code == 500
    assert answer.json()["code"] == "internal"
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert "secret" not in answer.text
    assert [line["event"] for line in lines] == ["http.failed", "http.request"]


async def test_an_answer_that_breaks_off_never_looks_whole(house: House) -> None:
    app = build_app(house.yard, AppSettings(version="1"), [DoorWithAHole()])
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://yard") as client:
        with (
            structlog.testing.capture_logs() as lines,
            pytest.raises(RuntimeError, match="too late"),
        ):
            await client.get("/breaks-off")
    assert lines[0]["event"] == "http.failed"
