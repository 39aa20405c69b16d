"""Images over HTTP."""

from __future__ import annotations

from dataclasses import replace

import httpx

from kernelyard.model.images import FoundImage

from tests.support.http_house import House
from tests.support.scripted_agent import LOGO


async def test_images_are_listed_with_what_is_known_of_them(client: httpx.AsyncClient) -> None:
    listed = (await client.get("/v1/images?refresh=true")).json()
    assert listed["broken"] == []
    images = {image["name"]: image for image in listed["items"]}
    assert list(images) == sorted(images)
    assert images["python3"] == {
        "name": "python3",
        "reference": "kernelspec/python3",
        "display_name": "Python 3",
        "language": "python",
        "version": "3.12.3",
        "ready": True,
        "problem": None,
        "disabled": False,
        "registered": False,
        "resources": {"logo-64x64.png": "/v1/images/python3/resources/logo-64x64.png"},
        "parameters": {},
        "start": "exec",
        "start_reason": None,
    }
    assert images["broken"]["ready"] is False
    assert "correct it" in images["broken"]["problem"]


async def test_an_image_says_how_its_kernels_are_started_now(house: House) -> None:
    (python,) = [one for one in house.agent.images if one.name == "python3"]
    path = "/v1/images/python3"
    for start, reason in (("exec", "it is being prepared"), ("fork", "")):
        # No change of the list is told: it is asked for with each answer.
        house.agent.images = [replace(python, start=start, start_reason=reason)]
        told = (await house.client.get(path)).json()
        assert (told["start"], told["start_reason"]) == (start, reason or None)


async def test_the_paths_of_resources_lead_to_them(client: httpx.AsyncClient) -> None:
    image = (await client.get("/v1/images/python3")).json()
    logo = await client.get(image["resources"]["logo-64x64.png"])
    assert logo.content == LOGO
    assert logo.headers["content-type"] == "image/png"
    assert "sandbox" in logo.headers["content-security-policy"]


async def test_an_image_of_another_provider_is_reached_with_a_slash_or_an_escaped_one(
    client: httpx.AsyncClient,
) -> None:
    for path in ("/v1/images/conda/science", "/v1/images/conda%2Fscience"):
        assert (await client.get(path)).json()["reference"] == "conda/science"


async def test_files_of_any_providers_images_are_handed_out(house: House) -> None:
    resources = ("logo-svg.svg", "kernel.js")
    elsewhere = FoundImage(
        provider="conda",
        name="away",
        display_name="Away",
        language="r",
        resources=resources,
    )
    house.agent.find(*house.agent.images, elsewhere)
    image = (await house.client.get("/v1/images/conda/away")).json()
    assert set(image["resources"]) == set(resources)
    for file, kind in zip(resources, ("image/svg+xml", "text/javascript"), strict=True):
        answer = await house.client.get(image["resources"][file])
        assert (answer.status_code, answer.content) == (200, LOGO)
        assert answer.headers["content-type"].startswith(kind)
    other = await house.client.get("/v1/images/conda/away/resources/secret")
    assert other.json()["code"] == "resource_not_found"


async def test_a_registered_name_starts_kernels_until_it_is_forgotten(house: House) -> None:
    order = {"name": "my-python:3", "from": "python3", "display_name": "Ours"}
    made = await house.client.post("/v1/images", json=order)
    assert (made.status_code, made.json()["registered"]) == (201, True)
    kernel = await house.kernel("my-python:3")
    assert kernel["image"]["reference"] == "kernelspec/python3"
    again = await house.client.post("/v1/images", json=order)
    assert again.json()["code"] == "already_exists"
    assert (await house.client.delete("/v1/images/my-python:3")).status_code == 204
    gone = await house.client.get("/v1/images/my-python:3")
    assert gone.json()["code"] == "image_not_found"


async def test_an_image_can_be_disabled_and_enabled(client: httpx.AsyncClient) -> None:
    disabled = (await client.patch("/v1/images/python3", json={"disabled": True})).json()
    assert (disabled["disabled"], disabled["ready"]) == (True, False)
    enabled = (await client.patch("/v1/images/python3", json={"disabled": False})).json()
    assert (enabled["disabled"], enabled["ready"]) == (False, True)


async def test_python_stands_for_the_python_of_the_server(house: House) -> None:
    (python,) = [one for one in house.agent.images if one.name == "python3"]
    twin = replace(python, provider="virtualenv", name="base", own=True)
    house.agent.images = [replace(python, own=True), twin]
    assert (await house.client.get("/v1/images/python")).json()["name"] == "python3"
    made = await house.client.post("/v1/kernels", json={"image": "python"})
    assert made.json()["image"]["name"] == "python3"
    await house.client.patch("/v1/images/python", json={"disabled": True})
    assert (await house.client.get("/v1/images/python3")).json()["disabled"] is True
    registered = {"name": "python", "from": "virtualenv/base"}
    assert (await house.client.post("/v1/images", json=registered)).status_code == 201
    told = (await house.client.get("/v1/images/python")).json()
    assert (told["name"], told["reference"]) == ("python", "virtualenv/base")
