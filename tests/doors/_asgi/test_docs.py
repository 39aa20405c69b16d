"""The API pages come from this server alone."""

from __future__ import annotations

import re

import httpx
import pytest

from tests.support.http_house import House


async def test_the_page_names_no_other_host(client: httpx.AsyncClient) -> None:
    del client.headers["Authorization"]
    page = await client.get("/docs")
    start = await client.get("/docs/start.js")
    assert (page.status_code, start.status_code) == (200, 200)
    for text in (page.text, start.text):
        assert "//" not in text
    assert "validatorUrl: null" in start.text
    assert '"/openapi.json"' in start.text


async def test_everything_the_page_asks_for_is_there(client: httpx.AsyncClient) -> None:
    page = (await client.get("/docs")).text
    paths = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(paths) == 4
    for path in paths:
        answer = await client.get(path)
        assert answer.status_code == 200
        assert len(answer.content) > 100


async def test_browsers_may_load_nothing_from_elsewhere(client: httpx.AsyncClient) -> None:
    policy = (await client.get("/docs")).headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; ")
    assert "connect-src 'self'" in policy
    assert "http" not in policy
    assert "<script>" not in (await client.get("/docs")).text


@pytest.mark.parametrize("name", ["nope.js", "__init__.py", "..%2F__init__.py", "%00"])
async def test_only_the_assets_are_served(house: House, name: str) -> None:
    answer = await house.client.get(f"/docs/{name}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
