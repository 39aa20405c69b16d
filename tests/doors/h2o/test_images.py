"""Kernel images of the H2O door."""

from __future__ import annotations

import asyncio
from base64 import urlsafe_b64encode
from dataclasses import replace
from typing import Any

import pytest

from kernelyard.model.kernels import KernelOrder
from kernelyard.model.principals import Principal, Role

from tests.doors.h2o.wire import Answer, Wire
from tests.support.http_house import House

IMAGES = "workspaces/global/kernelImages"
ADMIN = Principal("admin", Role.ADMIN)
BODY: dict[str, Any] = {"displayName": "Mine", "type": "TYPE_PYTHON", "image": "registry/py:1"}


@pytest.fixture(autouse=True)
def own(house: House) -> None:
    """The Python of the server, an R, a Julia, and one that does not start."""
    (python,) = [one for one in house.agent.images if one.name == "python3"]
    (broken,) = [one for one in house.agent.images if one.name == "broken"]
    house.agent.find(
        replace(python, own=True),
        replace(python, provider="virtualenv", name="Base", own=True),
        replace(python, name="ir", language="R", display_name="R"),
        replace(python, name="julia-1.10", language="julia"),
        broken,
    )


async def make(wire: Wire, id_: str, **fields: Any) -> Answer:
    """Create an image."""
    return await wire.post(IMAGES, f"?kernelImageId={id_}", {**BODY, **fields})


async def ids(wire: Wire, query: str = "?pageSize=0&pageToken=") -> list[str]:
    """The ids on a page."""
    answer = await wire.get(IMAGES.rpartition("/")[0], f"/kernelImages{query}")
    assert answer.status == 200, answer.body
    return [image["name"].rpartition("/")[2] for image in answer.body["kernelImages"]]


async def test_the_python_of_the_server_is_there_out_of_the_box(wire: Wire) -> None:
    answer = await wire.get(f"{IMAGES}/python")
    assert answer.body["kernelImage"] == {
        "name": f"{IMAGES}/python",
        "displayName": "Python 3",
        "type": "TYPE_PYTHON",
        "image": "kernelspec/python3",
        "disabled": False,
        "imagePullPolicy": "IMAGE_PULL_POLICY_ALWAYS",
        "imagePullSecrets": [],
        "createTime": "1970-01-01T00:00:00.000000Z",
        "updateTime": None,
    }
    by_its_own_name = await wire.get(f"{IMAGES}/python3")
    assert by_its_own_name.body == answer.body


async def test_images_that_this_dialect_cannot_express_or_that_cannot_start_are_left_out(
    wire: Wire,
) -> None:
    # 'Base' of another provider is no id, so it has one made of its name.
    listed = await ids(wire)
    assert "ir" in listed
    assert "python" in listed
    assert not {"python3", "julia-1.10", "broken"} & set(listed)
    (base,) = [id_ for id_ in listed if id_.startswith("virtualenv-base-")]
    assert (await wire.get(f"{IMAGES}/{base}")).body["kernelImage"]["image"] == "virtualenv/Base"


async def test_an_administrator_makes_an_image(wire: Wire) -> None:
    made = await make(wire, "mine", imagePullSecrets=["one"], type="TYPE_SPARK_R")
    assert made.status == 200
    image = made.body["kernelImage"]
    assert image.pop("createTime").startswith("20")
    assert image == {
        "name": f"{IMAGES}/mine",
        "displayName": "Mine",
        "type": "TYPE_SPARK_R",
        "image": "registry/py:1",
        "disabled": False,
        "imagePullPolicy": "IMAGE_PULL_POLICY_ALWAYS",
        "imagePullSecrets": ["one"],
        "updateTime": None,
    }
    assert (await make(wire, "mine")).fault == (409, 6)
    assert (await make(wire, "python")).fault == (409, 6)


async def test_an_id_is_made_if_none_is_given(wire: Wire) -> None:
    made = await wire.post(IMAGES, "?kernelImageId=", BODY)
    assert (await wire.get(made.body["kernelImage"]["name"])).body == made.body


async def test_of_several_made_at_once_with_one_id_there_is_one(wire: Wire) -> None:
    made = await asyncio.gather(*(make(wire, "same") for _ in range(8)))
    assert sorted(answer.status for answer in made) == [200] + [409] * 7


async def test_the_newest_come_first_and_pages_continue(wire: Wire) -> None:
    for number in range(5):
        await make(wire, f"i{number}")
    first = await wire.send("GET", "/v1/workspaces/global/kernelImages?pageSize=2")
    assert [one["name"][-2:] for one in first.body["kernelImages"]] == ["i4", "i3"]
    token = first.body["nextPageToken"]
    await make(wire, "later")
    rest = await ids(wire, f"?pageSize=1000&pageToken={token}")
    assert rest[:3] == ["i2", "i1", "i0"]
    assert "later" not in rest
    last = await wire.send("GET", "/v1/workspaces/global/kernelImages?pageSize=9999")
    assert last.body["nextPageToken"] == ""


@pytest.mark.parametrize(
    "query",
    [
        "pageSize=-1",
        "pageSize=x",
        "pageSize=1.5",
        "pageToken=nonsense",
        "pageToken=aDJvMTo%3D",
        f"pageToken={urlsafe_b64encode('h2o1:kernelImages:² x'.encode()).decode()}",
    ],
)
async def test_a_page_that_is_none_is_refused(wire: Wire, query: str) -> None:
    answer = await wire.send("GET", f"/v1/workspaces/global/kernelImages?{query}")
    assert answer.fault == (400, 3)
    if query == "pageSize=-1":
        words = "validation error: page_size must be >= 0, actual value = -1"
        assert answer.message == words


async def test_a_token_of_another_list_is_refused(wire: Wire) -> None:
    for number in range(2):
        await make(wire, f"i{number}")
    page = await wire.send("GET", "/v1/workspaces/global/kernelImages?pageSize=1")
    path = f"/v1/workspaces/global/kernelTemplates?pageToken={page.body['nextPageToken']}"
    assert (await wire.send("GET", path)).fault == (400, 3)


async def test_an_image_made_of_one_of_the_yard_starts_kernels(wire: Wire, house: House) -> None:
    made = await make(wire, "team", image="python3")
    assert made.body["kernelImage"]["image"] == "python3"
    kernel, _ = await house.yard.kernels.create(ADMIN, KernelOrder(image="team"))
    assert kernel.image.reference == "kernelspec/python3"


async def test_a_kernel_of_a_container_image_may_be_asked_for(wire: Wire, house: House) -> None:
    # Whether it can be started is for whoever starts it to say: another engine may.
    await make(wire, "mine")
    images = (await house.yard.images.list(ADMIN)).images
    (name,) = [one.name for one in images if one.container]
    kernel, _ = await house.yard.kernels.create(ADMIN, KernelOrder(image=name))
    assert kernel.image.reference == "container/registry/py:1"


async def test_a_mask_says_what_an_update_changes(wire: Wire) -> None:
    made = (await make(wire, "mine")).body["kernelImage"]
    body = {**made, "displayName": "New", "disabled": True, "type": "nonsense", "image": ""}
    one = await wire.patch(f"{IMAGES}/mine", "display_name", body)
    assert one.body["kernelImage"]["displayName"] == "New"
    assert one.body["kernelImage"]["disabled"] is False
    assert one.body["kernelImage"]["updateTime"] > made["createTime"]
    body |= {"type": "TYPE_R", "image": "other/r:2", "imagePullSecrets": ["s"]}
    body |= {"imagePullPolicy": "IMAGE_PULL_POLICY_NEVER", "displayName": ""}
    every = (await wire.patch(f"{IMAGES}/mine", "*", body)).body["kernelImage"]
    assert every == {**every, **{key: body[key] for key in body if key != "updateTime"}}
    named = "type,image_pull_policy,image_pull_secrets,image,disabled"
    assert (await wire.patch(f"{IMAGES}/mine", named, body)).status == 200


@pytest.mark.parametrize(
    "mask", ["", "displayName", "nonsense", "display_name,", "*,image", "DISPLAY_NAME", "name"]
)
async def test_a_mask_with_an_unknown_path_is_refused(wire: Wire, mask: str) -> None:
    await make(wire, "mine")
    assert (await wire.patch(f"{IMAGES}/mine", mask, BODY)).fault == (400, 3)


async def test_an_image_that_was_found_can_be_disabled_and_renamed(wire: Wire) -> None:
    body = {**BODY, "disabled": True, "displayName": "Ours"}
    changed = await wire.patch(f"{IMAGES}/python", "disabled,display_name", body)
    assert changed.body["kernelImage"]["disabled"] is True
    assert (await wire.get(f"{IMAGES}/python")).body == changed.body
    assert (await wire.patch(f"{IMAGES}/python", "image", body)).fault == (400, 3)


async def test_an_image_that_was_found_and_deleted_is_hidden_from_this_door_only(
    wire: Wire, house: House
) -> None:
    assert (await wire.delete(f"{IMAGES}/ir")).body == {}
    assert "ir" not in await ids(wire)
    assert (await wire.get(f"{IMAGES}/ir")).fault == (404, 5)
    assert (await wire.delete(f"{IMAGES}/ir")).fault == (404, 5)
    assert (await house.yard.images.get(ADMIN, "ir")).ready


async def test_everything_can_be_deleted_and_made_anew(wire: Wire, house: House) -> None:
    # As the client's apply_kernel_images does.
    while listed := await ids(wire):
        for id_ in listed:
            assert (await wire.delete(f"{IMAGES}/{id_}")).status == 200
    for id_ in ("python", "python3", "ir"):
        assert (await make(wire, id_)).status == 200
    assert await ids(wire) == ["ir", "python3", "python"]
    # Other doors have what they had.
    assert (await house.yard.images.get(ADMIN, "python3")).reference == "kernelspec/python3"
    assert (await house.yard.images.get(ADMIN, "python")).reference == "kernelspec/python3"


async def test_an_image_in_use_can_be_deleted_for_kernels_remember_theirs(
    wire: Wire, house: House
) -> None:
    await make(wire, "team", image="python3")
    kernel, _ = await house.yard.kernels.create(ADMIN, KernelOrder(image="team"))
    assert (await wire.delete(f"{IMAGES}/team")).status == 200
    assert (await house.yard.kernels.get(ADMIN, kernel.id)).image.name == "team"


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"image": ""}, "validation error: image must not be empty"),
        ({"image": None}, "validation error: image must not be empty"),
        ({"image": " "}, "image"),
        ({"image": "a\tb"}, "image"),
        ({"image": "a" * 2000}, "image"),
        ({"image": 7}, "image"),
        ({"type": "TYPE_UNSPECIFIED"}, "type"),
        ({"type": "TYPE_JULIA"}, "type"),
        ({"type": 1}, "type"),
        ({"type": None}, "type"),
        ({"imagePullPolicy": "SOMETIMES"}, "imagePullPolicy"),
        ({"imagePullSecrets": "one"}, "imagePullSecrets"),
        ({"imagePullSecrets": [1]}, "imagePullSecrets"),
        ({"imagePullSecrets": [""]}, "imagePullSecrets"),
        ({"displayName": "x" * 64}, "displayName"),
        ({"displayName": "a\0b"}, "displayName"),
        ({"disabled": "yes"}, "disabled"),
    ],
)
async def test_a_field_that_does_not_fit_is_named(
    wire: Wire, fields: dict[str, Any], word: str
) -> None:
    answer = await make(wire, "mine", **fields)
    assert answer.fault == (400, 3)
    assert word in answer.message


@pytest.mark.parametrize("id_", ["A", "a_b", "1", "a" * 64, "-a"])
async def test_an_id_that_none_can_be_is_refused(wire: Wire, id_: str) -> None:
    assert (await make(wire, id_)).fault == (400, 3)


async def test_images_are_in_the_global_workspace_only(wire: Wire) -> None:
    answer = await wire.send("GET", "/v1/workspaces/default/kernelImages")
    assert answer.body == {"kernelImages": [], "nextPageToken": ""}
    assert (await wire.get("workspaces/default/kernelImages/python")).fault == (404, 5)
    made = await wire.post("workspaces/default/kernelImages", "?kernelImageId=mine", BODY)
    assert made.fault == (400, 3)


async def test_a_user_reads_images_and_changes_none(user: Wire) -> None:
    assert "python" in await ids(user)
    assert (await user.get(f"{IMAGES}/python")).status == 200
    assert (await user.get(f"{IMAGES}/missing")).fault == (404, 5)
    assert (await make(user, "mine")).fault == (403, 7)
    for id_ in ("python", "missing"):
        assert (await user.patch(f"{IMAGES}/{id_}", "*", BODY)).fault == (403, 7)
        assert (await user.delete(f"{IMAGES}/{id_}")).fault == (403, 7)
