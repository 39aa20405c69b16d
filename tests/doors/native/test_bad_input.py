"""Bad input, tried: each gets a problem with a stable code and a sentence to act on."""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import unquote

import httpx
import pytest

from tests.support.http_house import House, raw

NOBODY = str(uuid.UUID(int=7))


def expect(answer: httpx.Response, status: int, code: str, field: str | None = None) -> str:
    """Check a problem and return its sentence."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert (body["status"], body["code"], body.get("field")) == (status, code, field)
    assert body["request_id"] == answer.headers["x-request-id"]
    assert body["detail"][-1] in ".!?", body["detail"]
    return str(body["detail"])


@pytest.mark.parametrize(
    ("order", "status", "code", "field"),
    [
        ({"image": "nope"}, 404, "image_not_found", "image"),
        ({"image": "../etc"}, 404, "image_not_found", "image"),
        ({"image": "broken"}, 409, "image_not_ready", "image"),
        ({"image": "python3", "template": "nope"}, 404, "template_not_found", "template"),
        ({"image": "python3", "name": "a/b"}, 400, "invalid", "name"),
        ({"image": "python3", "name": "a\0b"}, 400, "invalid", "name"),
        ({"image": "python3", "get_or_create": True}, 400, "invalid", "name"),
        ({"image": "python3", "environment": {"1A": "x"}}, 400, "invalid", "environment"),
        ({"image": "python3", "environment": {"A": 1}}, 400, "invalid", "environment.A"),
        ({"image": "python3", "labels": ["a"]}, 400, "invalid", "labels"),
        ({"image": 5}, 400, "invalid", "image"),
        ({}, 400, "invalid", "image"),
        ({"image": "python3", "imagee": "x"}, 400, "invalid", "imagee"),
        ({"image": "python3", "get_or_create": "yes"}, 400, "invalid", "get_or_create"),
    ],
)
async def test_a_kernel_that_cannot_be_made(
    client: httpx.AsyncClient, order: dict[str, object], status: int, code: str, field: str
) -> None:
    expect(await client.post("/v1/kernels", json=order), status, code, field)


async def test_a_disabled_image_starts_no_kernel(client: httpx.AsyncClient) -> None:
    await client.patch("/v1/images/python3", json={"disabled": True})
    expect(
        await client.post("/v1/kernels", json={"image": "python3"}), 409, "image_disabled", "image"
    )


async def test_a_disabled_template_makes_no_kernel(client: httpx.AsyncClient) -> None:
    await client.post("/v1/templates", json={"name": "old", "disabled": True})
    refused = await client.post("/v1/kernels", json={"image": "python3", "template": "old"})
    expect(refused, 409, "template_disabled", "template")


@pytest.mark.parametrize("code", [5, None, ["print(1)"], True, {"a": 1}, 1.5])
async def test_code_must_be_text(house: House, code: object) -> None:
    kernel = await house.kernel()
    refused = await house.client.post(f"/v1/kernels/{kernel['id']}/tasks", json={"code": code})
    assert expect(refused, 400, "invalid", "code") == "'code' must be text."


async def test_code_must_be_whole_unicode(house: House) -> None:
    kernel = await house.kernel()
    refused = await house.client.post(
        f"/v1/kernels/{kernel['id']}/tasks",
        content=b'{"code": "\\ud800"}',
        headers={"Content-Type": "application/json"},
    )
    expect(refused, 400, "invalid", "code")


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/v1/kernels", r'{"image": "python3", "environment": {"A": "\ud800"}}', "environment"),
        ("/v1/kernels", r'{"image": "python3", "labels": {"\udfff": "x"}}', "labels"),
        ("/v1/kernels", r'{"image": "\ud800"}', "image"),
        ("/v1/kernels", r'{"image": "python3", "display_name": "\ud800"}', "display_name"),
        ("/v1/templates", r'{"name": "t", "environment": {"A": "\ud800"}}', "environment"),
        ("/v1/templates", r'{"name": "t", "engine_options": {"a": [NaN]}}', "engine_options"),
        ("/v1/templates", r'{"name": "t", "engine_options": {"a": 1e999}}', "engine_options"),
        (
            "/v1/images",
            r'{"name": "i", "from": "python3", "display_name": "\ud800"}',
            "display_name",
        ),
    ],
)
async def test_what_is_no_unicode_or_no_json_is_refused_wherever_it_stands(
    house: House, path: str, body: str, field: str
) -> None:
    headers = {"Content-Type": "application/json"}
    refused = await house.client.post(path, content=body.encode(), headers=headers)
    assert refused.status_code == 400, refused.text
    if refused.json().get("field"):
        expect(refused, 400, "invalid", field)


@pytest.mark.parametrize("needs", [NOBODY, "", "1", "../x", NOBODY.upper()[:-1] + "F", "\0"])
async def test_a_needed_task_must_be_one_of_the_same_kernel(house: House, needs: str) -> None:
    kernel = await house.kernel()
    path = f"/v1/kernels/{kernel['id']}/tasks"
    refused = await house.client.post(path, json={"code": "print:1", "needs": needs})
    assert "same kernel" in expect(refused, 400, "invalid", "needs")
    assert (await house.client.get(path)).json()["items"] == []


async def test_a_needed_task_is_named_by_text(house: House) -> None:
    kernel = await house.kernel()
    path = f"/v1/kernels/{kernel['id']}/tasks"
    for needs in (1, ["a"], {"id": "a"}):
        refused = await house.client.post(path, json={"code": "print:1", "needs": needs})
        expect(refused, 400, "invalid", "needs")
    halved = await house.client.post(
        path,
        content=b'{"code": "print:1", "needs": "\\ud800"}',
        headers={"Content-Type": "application/json"},
    )
    expect(halved, 400, "invalid", "needs")


@pytest.mark.parametrize(
    "size", ["1Zi", "", "-1", "1,5g", "lots", "9" * 5000, -1, 2**63, 1.5, True, [1], None, "½"]
)
@pytest.mark.parametrize("field", ["memory_bytes_limit", "storage_bytes"])
async def test_a_malformed_size(client: httpx.AsyncClient, field: str, size: object) -> None:
    refused = await client.post("/v1/templates", json={"name": "t", field: size})
    expect(refused, 400, "invalid", field)


@pytest.mark.parametrize(
    "text", ["1 fortnight", "", "-5", "nan", "inf", "1h-2m", True, -1, [1], "9" * 5000, 10**300]
)
async def test_a_malformed_duration(client: httpx.AsyncClient, text: object) -> None:
    refused = await client.post("/v1/templates", json={"name": "t", "max_idle_duration": text})
    expect(refused, 400, "invalid", "max_idle_duration")


@pytest.mark.parametrize(
    "fields", [{"milli_cpu_limit": "1"}, {"milli_cpu_limit": -1}, {"gpu": 1.5}, {"gpu": 10**9}]
)
async def test_a_malformed_count(client: httpx.AsyncClient, fields: dict[str, object]) -> None:
    refused = await client.post("/v1/templates", json={"name": "t", **fields})
    expect(refused, 400, "invalid", next(iter(fields)))


BODIES: dict[str, bytes] = {
    "nothing": b"",
    "no JSON": b"{",
    "two values": b"{} {}",
    "a list": b"[]",
    "text": b'"code"',
    "not UTF-8": b'{"code": "\xff\xfe"}',
    "nested too deep": b"[" * 60_000,
    "a huge number": b'{"code": ' + b"9" * 50_000 + b"}",
    "null": b"null",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
async def test_a_body_that_cannot_be_read(house: House, body: bytes) -> None:
    kernel = await house.kernel()
    refused = await house.client.post(
        f"/v1/kernels/{kernel['id']}/tasks",
        content=body,
        headers={"Content-Type": "application/json"},
    )
    assert "JSON" in expect(refused, 400, "invalid")


async def test_a_form_instead_of_json(client: httpx.AsyncClient) -> None:
    refused = await client.post("/v1/kernels", data={"image": "python3"})
    assert "Content-Type: application/json" in expect(refused, 400, "invalid")


BAD_IDS = ["x", "..", ".", "%00", "a%2Fb", "%2e%2e%2f", "a/b", "A" * 3000, NOBODY.upper(), "é"]


@pytest.mark.parametrize("bad", [*BAD_IDS, NOBODY])
@pytest.mark.parametrize(
    ("before", "after", "code"),
    [
        ("/v1/kernels/", "", "kernel_not_found"),
        ("/v1/kernels/", "/outputs", "kernel_not_found"),
        ("/v1/kernels/", "/tasks", "kernel_not_found"),
        ("/v1/tasks/", "", "task_not_found"),
        ("/v1/tasks/", "/outputs", "task_not_found"),
        ("/v1/tasks/", "/result", "task_not_found"),
        ("/v1/tasks/", "/stdout", "task_not_found"),
    ],
)
async def test_an_id_that_is_none(
    house: House, before: str, after: str, code: str, bad: str
) -> None:
    path = before + unquote(bad) + after
    status, headers, body = await raw(house.app, path)
    assert status == 404
    assert headers["content-type"] == "application/problem+json"
    assert f'"code":"{code}"'.encode() in body


@pytest.mark.parametrize("bad", ["x", "a/b", "../..", "\0", "." * 300])
@pytest.mark.parametrize("kind", ["image", "template", "token"])
async def test_a_name_that_is_none(house: House, kind: str, bad: str) -> None:
    method = "DELETE" if kind == "token" else "GET"
    status, _, body = await raw(house.app, f"/v1/{kind}s/{bad}", method=method)
    assert (status, f'"code":"{kind}_not_found"'.encode() in body) == (404, True), body


@pytest.mark.parametrize("file", ["nope.png", "../../kernel.json", "..", "/etc/passwd", "\0"])
async def test_a_file_that_an_image_does_not_have(house: House, file: str) -> None:
    status, _, body = await raw(house.app, f"/v1/images/python3/resources/{file}")
    assert status == 404
    assert b'_not_found"' in body


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=-5", "limit"),
        ("limit=1001", "limit"),
        ("limit=9999999999999999999999", "limit"),
        ("limit=ten", "limit"),
        ("limit=", "limit"),
        ("cursor=garbage", "cursor"),
        ("cursor=%00", "cursor"),
        ("state=sleeping", "state"),
        ("state=,", "state"),
        ("label=nothing", "label"),
        ("label==v", "label"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/kernels", "/v1/tasks"])
async def test_a_list_asked_for_wrongly(
    client: httpx.AsyncClient, path: str, query: str, field: str
) -> None:
    code = "cursor_malformed" if field == "cursor" else "invalid"
    expect(await client.get(f"{path}?{query}"), 400, code, field)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("after=-1", "after"),
        ("after=x", "after"),
        ("after=1e3", "after"),
        ("after=99999999999999999999", "after"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("stream=perhaps", "stream"),
    ],
)
async def test_outputs_asked_for_wrongly(house: House, query: str, field: str) -> None:
    task = await house.run("print:1")
    expect(await house.client.get(f"/v1/tasks/{task['id']}/outputs?{query}"), 400, "invalid", field)


@pytest.mark.parametrize("wait", ["-1", "61", "nan", "inf", "long"])
async def test_a_wait_out_of_bounds(house: House, wait: str) -> None:
    kernel = await house.kernel()
    task = await house.submit(kernel, "print:1")
    expect(await house.client.get(f"/v1/tasks/{task['id']}?wait={wait}"), 400, "invalid", "wait")
    path = f"/v1/kernels/{kernel['id']}"
    expect(await house.client.get(f"{path}?wait=ready&timeout={wait}"), 400, "invalid", "timeout")
    expect(await house.client.get(f"{path}?wait={wait}"), 400, "invalid", "wait")


@pytest.mark.parametrize("key", [b"", b"x" * 256, b"tab\there", "é".encode("latin-1")])
async def test_an_idempotency_key_that_is_none(client: httpx.AsyncClient, key: bytes) -> None:
    headers: Any = {"Idempotency-Key": key}
    refused = await client.post("/v1/kernels", json={"image": "python3"}, headers=headers)
    expect(refused, 400, "invalid", "Idempotency-Key")


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", "Bearer wrong", "Basic YTpi", "token wrong", b"Bearer \xe9"],
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/whoami"),
        ("GET", "/v1/kernels/x"),
        ("POST", "/v1/kernels"),
        ("GET", "/v1/images"),
    ],
)
async def test_no_token_or_a_wrong_one(
    client: httpx.AsyncClient, method: str, path: str, authorization: Any
) -> None:
    """It comes before everything else: an unknown caller learns nothing about ids and bodies."""
    del client.headers["Authorization"]
    headers: Any = {} if authorization is None else {"Authorization": authorization}
    refused = await client.request(method, path, content=b"{", headers=headers)
    expect(refused, 401, "unauthenticated")
    assert refused.headers["www-authenticate"].startswith("Bearer")


async def test_a_token_in_the_query_opens_nothing(client: httpx.AsyncClient) -> None:
    token = client.headers.pop("Authorization").removeprefix("Bearer ")
    expect(await client.get(f"/v1/whoami?token={token}"), 401, "unauthenticated")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v1/images", {"name": "mine", "from": "python3"}),
        ("PATCH", "/v1/images/python3", {"disabled": True}),
        ("DELETE", "/v1/images/python3", None),
        ("POST", "/v1/tokens", {"name": "eve", "role": "admin"}),
        ("GET", "/v1/tokens?user=admin", None),
        ("PATCH", "/v1/templates/default", {"gpu": 1}),
        ("POST", "/v1/templates", {"name": "t", "engine_options": {"privileged": True}}),
    ],
)
async def test_what_only_administrators_may_do(
    client: httpx.AsyncClient, method: str, path: str, body: object
) -> None:
    made = (await client.post("/v1/tokens", json={"name": "ada"})).json()
    headers = {"Authorization": f"Bearer {made['token']}"}
    expect_forbidden = await client.request(method, path, json=body, headers=headers)
    assert expect_forbidden.status_code == 403, expect_forbidden.text
    assert expect_forbidden.json()["code"] == "forbidden"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/", 404, "not_found"),
        ("GET", "/v1", 404, "not_found"),
        ("GET", "/v1/kernels/", 404, "not_found"),
        ("GET", f"/v1/kernels/{NOBODY}/nonsense", 404, "not_found"),
        ("GET", "/v2/kernels", 404, "not_found"),
        ("PUT", "/v1/kernels", 405, "method_not_allowed"),
        ("DELETE", "/v1/whoami", 405, "method_not_allowed"),
        ("POST", "/healthz", 405, "method_not_allowed"),
    ],
)
async def test_a_path_or_method_that_is_none(
    client: httpx.AsyncClient, method: str, path: str, status: int, code: str
) -> None:
    refused = await client.request(method, path)
    expect(refused, status, code)
    if status == 405:
        assert refused.headers["allow"]
