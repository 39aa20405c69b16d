"""The description of the API is complete, and true."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from pydantic import TypeAdapter

from kernelyard.doors.native import (
    examples,
    image_shapes,
    people_shapes,
    pool_shapes,
    shapes,
    zygote_shapes,
)

from tests.support.http_house import House

EXAMPLES = [
    (examples.IMAGES, image_shapes.ImageList),
    (examples.TEMPLATES, shapes.TemplateList),
    (examples.KERNELS, shapes.KernelList),
    (examples.CREATED_KERNEL, shapes.CreatedKernel),
    (examples.KERNEL_WITH_HISTORY, shapes.KernelWithHistory),
    (examples.TASKS, shapes.TaskList),
    (examples.OUTPUTS, shapes.OutputPage),
    (pool_shapes.POOLS, pool_shapes.PoolList),
    (zygote_shapes.ZYGOTES, zygote_shapes.ZygoteList),
    (examples.CHANGES, shapes.EventPage),
    (examples.RESULT, shapes.Result),
    (people_shapes.NEW_TOKEN, people_shapes.NewToken),
    (people_shapes.TOKENS, people_shapes.TokenList),
    (people_shapes.CALLER, people_shapes.Caller),
    (people_shapes.USERS, people_shapes.UserList),
    (people_shapes.AUDIT, people_shapes.AuditList),
]


def check(shape: Any, body: object) -> None:
    """Raise unless ``body`` has exactly the fields of ``shape``, in its types."""
    text = json.dumps(body)
    told = TypeAdapter(shape).validate_json(text, strict=True)
    assert json.loads(TypeAdapter(shape).dump_json(told)) == json.loads(text)


async def described(client: httpx.AsyncClient) -> dict[str, Any]:
    del client.headers["Authorization"]
    answer = await client.get("/openapi.json")
    assert answer.status_code == 200
    return dict(answer.json())


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def inside(value: object) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for part in value.values():
            yield from inside(part)
    elif isinstance(value, list):
        for part in value:
            yield from inside(part)


async def test_every_reference_leads_somewhere(client: httpx.AsyncClient) -> None:
    document = await described(client)
    references = {part["$ref"] for part in inside(document) if isinstance(part.get("$ref"), str)}
    assert len(references) > 15
    for reference in references:
        found: Any = document
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]


async def test_every_schema_is_used(client: httpx.AsyncClient) -> None:
    document = await described(client)
    used = {str(part.get("$ref")).rpartition("/")[2] for part in inside(document)}
    assert set(document["components"]["schemas"]) <= used


async def test_every_operation_is_described_named_and_filed(client: httpx.AsyncClient) -> None:
    document = await described(client)
    known = {tag["name"] for tag in document["tags"]}
    names = []
    for where, operation in operations(document):
        names.append(operation["operationId"])
        assert operation["summary"], where
        assert operation["description"], where
        assert set(operation["tags"]) <= known, where
    assert len(set(names)) == len(names) > 25


async def test_every_operation_documents_its_errors_as_problems(client: httpx.AsyncClient) -> None:
    document = await described(client)
    for where, operation in operations(document):
        responses = operation["responses"]
        assert "422" not in responses, where
        assert "500" in responses, where
        if where not in ("GET /healthz", "GET /readyz"):
            assert "401" in responses, where
        if "requestBody" in operation:
            assert {"400", "413"} <= set(responses), where
        if "{" in where:
            assert "404" in responses, where
        for status, response in responses.items():
            if int(status) >= 400:
                assert list(response["content"]) == ["application/problem+json"], (where, status)


async def test_every_good_answer_with_a_body_has_an_example(client: httpx.AsyncClient) -> None:
    document = await described(client)
    for where, operation in operations(document):
        good = min(operation["responses"], key=int)
        first = next(s for s in operation["responses"] if s in ("200", "201", "204"))
        if "201" in operation["responses"]:
            first = "201"
        for media, content in operation["responses"][first].get("content", {}).items():
            assert "example" in content, (where, media, good)
        body = operation.get("requestBody")
        if body is not None:
            told = body["content"]["application/json"]["schema"]
            # A body that may be left out is one of two: itself, or null.
            told = next(one for one in told.get("anyOf", [told]) if "$ref" in one)
            schema = told["$ref"].rpartition("/")[2]
            assert document["components"]["schemas"][schema]["examples"], where


async def test_every_operation_but_the_probes_needs_a_token(client: httpx.AsyncClient) -> None:
    document = await described(client)
    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    assert document["security"] == [{"token": []}]
    open_to_all = [where for where, op in operations(document) if op.get("security") == []]
    assert open_to_all == ["GET /healthz", "GET /readyz"]


@pytest.mark.parametrize(("example", "shape"), EXAMPLES)
def test_every_example_fits_its_shape(example: object, shape: Any) -> None:
    check(shape, example)


async def test_real_answers_fit_the_shapes_they_are_described_with(house: House) -> None:
    kernel = await house.kernel(labels={"a": "b"})
    check(shapes.KernelWithHistory, kernel)
    task = await house.end(await house.submit(kernel, "print:1", "display:2", "raise:Oops"))
    check(shapes.Task, task)
    made = await house.client.post("/v1/tokens", json={"name": "ada"})
    check(people_shapes.NewToken, made.json())
    for path, shape in {
        "/v1/images": image_shapes.ImageList,
        "/v1/images/python3": image_shapes.Image,
        "/v1/templates": shapes.TemplateList,
        "/v1/kernels": shapes.KernelList,
        "/v1/tasks": shapes.TaskList,
        f"/v1/tasks/{task['id']}/outputs": shapes.OutputPage,
        f"/v1/kernels/{kernel['id']}/outputs": shapes.OutputPage,
        f"/v1/tasks/{task['id']}/result": shapes.Result,
        "/v1/events": shapes.EventPage,
        "/v1/tokens": people_shapes.TokenList,
        "/v1/whoami": people_shapes.Caller,
        "/v1/users": people_shapes.UserList,
        "/v1/users/ada": people_shapes.User,
        "/v1/audit": people_shapes.AuditList,
    }.items():
        check(shape, (await house.client.get(path)).json())
