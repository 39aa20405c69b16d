"""Templates over HTTP."""

from __future__ import annotations

import httpx
import pytest

from tests.support.http_house import House

SMALL = {
    "name": "small",
    "milli_cpu_limit": 500,
    "memory_bytes_limit": "1Gi",
    "gpu": 1,
    "storage_bytes": "512MiB",
    "environment": {"A": "1"},
    "max_idle_duration": "1h30m",
    "engine_options": {"pool": ["a", {"b": None}]},
    "pod": {
        "milli_cpu_request": 100,
        "memory_bytes_request": 33554432,
        "gpu_resource": "nvidia.com/gpu",
        "storage_class": "fast",
        "manifest": "spec: {nodeName: one}",
    },
}


async def test_sizes_and_durations_are_understood(client: httpx.AsyncClient) -> None:
    made = await client.post("/v1/templates", json=SMALL)
    assert made.status_code == 201
    told = made.json()
    assert (told["memory_bytes_limit"], told["storage_bytes"]) == (2**30, 2**29)
    assert told["max_idle_duration"] == 5400
    assert told["engine_options"] == SMALL["engine_options"]
    assert told["pod"] == SMALL["pod"]
    assert (await client.get("/v1/templates/small")).json() == told


@pytest.mark.parametrize(
    ("size", "number"), [("4g", 4 * 2**30), ("1.5 GB", 1_500_000_000), (0, 0), ("67108864", 2**26)]
)
async def test_a_size_may_have_a_unit_or_none(
    client: httpx.AsyncClient, size: object, number: int
) -> None:
    made = await client.post("/v1/templates", json={"name": "t", "memory_bytes_limit": size})
    assert made.json()["memory_bytes_limit"] == number


async def test_a_change_leaves_alone_what_it_does_not_name(client: httpx.AsyncClient) -> None:
    before = (await client.post("/v1/templates", json=SMALL)).json()
    changes = {"max_idle_duration": None, "gpu": 0, "display_name": "Small"}
    after = (await client.patch("/v1/templates/small", json=changes)).json()
    assert after.pop("updated_at") >= before.pop("updated_at")
    assert after == {**before, **changes}


async def test_a_kernel_keeps_the_template_it_was_made_with(house: House) -> None:
    await house.client.post("/v1/templates", json=SMALL)
    kernel = await house.kernel(template="small", environment={"A": "mine", "B": "2"})
    await house.client.patch("/v1/templates/small", json={"gpu": 7})
    kept = (await house.client.get(f"/v1/kernels/{kernel['id']}")).json()
    assert (kept["template"]["name"], kept["template"]["gpu"]) == ("small", 1)
    assert house.agent.launches[0].environment == {"A": "mine", "B": "2"}


async def test_templates_come_in_pages_by_name(client: httpx.AsyncClient) -> None:
    for name in ("c", "a", "b"):
        await client.post("/v1/templates", json={"name": name})
    names: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        params = {"limit": "2", "cursor": cursor}
        page = (await client.get("/v1/templates", params=params)).json()
        names += [template["name"] for template in page["items"]]
        cursor = page["next_cursor"]
    assert names == ["a", "b", "c", "default"]


async def test_a_template_is_deleted_and_the_default_one_stays(client: httpx.AsyncClient) -> None:
    await client.post("/v1/templates", json={"name": "t"})
    assert (await client.delete("/v1/templates/t")).status_code == 204
    assert (await client.get("/v1/templates/t")).json()["code"] == "template_not_found"
    assert (await client.delete("/v1/templates/default")).json()["code"] == "conflict"


async def test_a_name_is_given_once(client: httpx.AsyncClient) -> None:
    await client.post("/v1/templates", json={"name": "t"})
    again = await client.post("/v1/templates", json={"name": "t"})
    assert (again.status_code, again.json()["code"]) == (409, "already_exists")


async def test_modules_to_preload_are_kept_replaced_and_cleared(client: httpx.AsyncClient) -> None:
    told = {"preload": ["numpy", "matplotlib.pyplot"], "start": "exec"}
    made = await client.post("/v1/templates", json={"name": "data", **told})
    assert made.status_code == 201
    assert {key: made.json()[key] for key in told} == told
    path = "/v1/templates/data"
    kept = (await client.patch(path, json={"gpu": 1})).json()
    assert {key: kept[key] for key in told} == told
    assert (await client.patch(path, json={"preload": ["pandas"]})).json()["preload"] == ["pandas"]
    cleared = (await client.patch(path, json={"preload": [], "start": "auto"})).json()
    assert (cleared["preload"], cleared["start"]) == ([], "auto")


@pytest.mark.parametrize(
    ("preload", "said"),
    [
        ([f"m{number}" for number in range(51)], "at most 50"),
        (["numpy; import os"], "no module's name"),
        (["numpy."], "no module's name"),
        ([""], "no module's name"),
        (["../evil"], "no module's name"),
        (["class"], "no module's name"),
        (["m" * 201], "at most 200"),
        (["numpy", "numpy"], "twice"),
        ("numpy", "must be a list"),
        ([1], "must be text"),
    ],
)
async def test_what_cannot_be_preloaded_is_refused_with_the_reason(
    client: httpx.AsyncClient, preload: object, said: str
) -> None:
    answer = await client.post("/v1/templates", json={"name": "bad", "preload": preload})
    assert answer.status_code == 400
    assert said in answer.json()["detail"]
    assert answer.json()["field"].startswith("preload")
