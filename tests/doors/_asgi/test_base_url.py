"""Everything under one path prefix."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from kernelyard.doors._asgi.app import build_app
from kernelyard.doors._asgi.settings import AppSettings, normalised_base
from kernelyard.doors.native import door
from kernelyard.model.errors import Invalid

from tests.support.http_house import ADMIN, House


@pytest.fixture
async def moved(house: House) -> AsyncIterator[httpx.AsyncClient]:
    app = build_app(house.yard, AppSettings(version="1", base_url="/the/yard/"), [door])
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://yard",
        headers={"Authorization": f"Bearer {ADMIN}"},
    ) as client:
        yield client


async def test_every_address_moves(moved: httpx.AsyncClient) -> None:
    for path in ("/v1/whoami", "/healthz", "/readyz", "/openapi.json", "/docs"):
        assert (await moved.get(f"/the/yard{path}")).status_code == 200
        outside = await moved.get(path)
        assert (outside.status_code, outside.json()["code"]) == (404, "not_found")
        assert "/the/yard/" in outside.json()["detail"]


async def test_a_path_that_only_begins_alike_is_outside(moved: httpx.AsyncClient) -> None:
    assert (await moved.get("/the/yardstick/healthz")).status_code == 404


async def test_paths_in_answers_have_the_prefix(moved: httpx.AsyncClient) -> None:
    image = (await moved.get("/the/yard/v1/images/python3")).json()
    logo = await moved.get(image["resources"]["logo-64x64.png"])
    assert logo.status_code == 200
    document = (await moved.get("/the/yard/openapi.json")).json()
    assert document["servers"] == [{"url": "/the/yard"}]
    assert "/v1/kernels" in document["paths"]
    page = (await moved.get("/the/yard/docs")).text
    assert 'src="/the/yard/docs/swagger-ui-bundle.js"' in page


async def test_unrouted_paths_are_still_named_precisely(moved: httpx.AsyncClient) -> None:
    answer = await moved.get("/the/yard/v1/kernels/a%2Fb")
    assert answer.json()["code"] == "kernel_not_found"


@pytest.mark.parametrize(
    ("given", "prefix"), [("/", ""), ("", ""), ("yard", "/yard"), ("/a/b/", "/a/b")]
)
def test_a_base_url_may_be_written_with_or_without_slashes(given: str, prefix: str) -> None:
    assert normalised_base(given) == prefix


@pytest.mark.parametrize("given", ["//evil", "/a?b", "/a#b", "/../x", "http://x/", "/a b", "/%41"])
def test_a_base_url_that_is_no_path_is_refused(given: str) -> None:
    with pytest.raises(Invalid, match="base_url"):
        normalised_base(given)
