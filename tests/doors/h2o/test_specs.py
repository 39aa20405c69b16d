"""Notebook kernel specs of the H2O door."""

from __future__ import annotations

from typing import Any

import pytest

from tests.doors.h2o.wire import Answer, Wire

SPECS = "workspaces/global/notebookKernelSpecs"
IMAGE = "workspaces/global/kernelImages/python3"
TEMPLATE = "workspaces/global/kernelTemplates/default"
BODY: dict[str, Any] = {
    "displayName": "Python, small",
    "kernelImage": IMAGE,
    "kernelTemplate": TEMPLATE,
    "disabled": False,
}


async def make(wire: Wire, id_: str, **fields: Any) -> Answer:
    """Create a spec."""
    path = f"/notebookKernelSpecs?notebookKernelSpecId={id_}"
    return await wire.post("workspaces/global", path, {**BODY, **fields})


async def listed(wire: Wire, query: str = "") -> list[str]:
    """The ids on a page."""
    answer = await wire.get("workspaces/global", f"/notebookKernelSpecs{query}")
    return [one["name"].rpartition("/")[2] for one in answer.body["notebookKernelSpecs"]]


async def test_a_spec_is_made_read_and_deleted(wire: Wire) -> None:
    made = (await make(wire, "one")).body["notebookKernelSpec"]
    assert made.pop("createTime").startswith("20")
    assert made == {**BODY, "name": f"{SPECS}/one", "updateTime": None}
    assert (await wire.get(f"{SPECS}/one")).status == 200
    assert (await make(wire, "one")).fault == (409, 6)
    assert (await wire.delete(f"{SPECS}/one")).body == {}
    assert (await wire.get(f"{SPECS}/one")).fault == (404, 5)
    assert (await wire.delete(f"{SPECS}/one")).fault == (404, 5)


async def test_the_newest_come_first(wire: Wire) -> None:
    for id_ in ("a", "c", "b"):
        await make(wire, id_)
    assert await listed(wire) == ["b", "c", "a"]
    first = await wire.get("workspaces/global", "/notebookKernelSpecs?pageSize=1")
    token = first.body["nextPageToken"]
    assert await listed(wire, f"?pageSize=2&pageToken={token}") == ["c", "a"]


async def test_a_mask_says_what_an_update_changes(wire: Wire) -> None:
    await make(wire, "one")
    body = {**BODY, "displayName": "New", "disabled": True, "kernelImage": "nonsense"}
    changed = await wire.patch(f"{SPECS}/one", "display_name", body)
    spec = changed.body["notebookKernelSpec"]
    assert (spec["displayName"], spec["disabled"], spec["kernelImage"]) == ("New", False, IMAGE)
    assert spec["updateTime"] > spec["createTime"]
    malformed = await wire.patch(f"{SPECS}/one", "kernel_image", body)
    assert malformed.fault == (400, 3)
    assert "validation error: invalid KernelImage name" in malformed.message
    everything = await wire.patch(f"{SPECS}/one", "*", {**BODY, "disabled": True})
    assert everything.body["notebookKernelSpec"]["disabled"] is True
    assert (await wire.patch(f"{SPECS}/one", "name", BODY)).fault == (400, 3)
    assert (await wire.patch(f"{SPECS}/missing", "*", BODY)).fault == (404, 5)


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"kernelImage": "workspaces/global/kernelImages/missing"}, (404, 5)),
        ({"kernelTemplate": "workspaces/global/kernelTemplates/missing"}, (404, 5)),
        ({"kernelImage": "python3"}, (400, 3)),
        ({"kernelImage": ""}, (400, 3)),
        ({"kernelTemplate": "workspaces/global/kernelImages/default"}, (400, 3)),
        ({"kernelTemplate": f"{TEMPLATE}/more"}, (400, 3)),
        ({"displayName": "x" * 64}, (400, 3)),
        ({"disabled": "no"}, (400, 3)),
    ],
)
async def test_a_spec_of_what_is_not_there_is_refused(
    wire: Wire, fields: dict[str, Any], fault: tuple[int, int]
) -> None:
    assert (await make(wire, "one", **fields)).fault == fault
    assert await listed(wire) == []


async def test_specs_are_in_the_global_workspace_only(wire: Wire) -> None:
    answer = await wire.get("workspaces/default", "/notebookKernelSpecs")
    assert answer.body == {"notebookKernelSpecs": [], "nextPageToken": ""}
    made = await wire.post("workspaces/default", "/notebookKernelSpecs", BODY)
    assert made.fault == (400, 3)
    assert (await wire.get("workspaces/default/notebookKernelSpecs/one")).fault == (404, 5)


async def test_a_user_reads_specs_and_changes_none(wire: Wire, user: Wire) -> None:
    await make(wire, "one")
    assert await listed(user) == ["one"]
    assert (await user.get(f"{SPECS}/one")).status == 200
    missing = "workspaces/global/kernelImages/missing"
    assert (await make(user, "two", kernelImage=missing)).fault == (403, 7)
    assert (await user.patch(f"{SPECS}/one", "*", BODY)).fault == (403, 7)
    assert (await user.delete(f"{SPECS}/one")).fault == (403, 7)
