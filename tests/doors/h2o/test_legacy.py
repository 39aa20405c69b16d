"""The older layout, without workspaces, as releases 0.4.0 and 0.4.1 of the client ask."""

from __future__ import annotations

from tests.doors.h2o.test_templates import BODY
from tests.doors.h2o.wire import Wire


async def test_images_are_those_of_the_global_workspace(wire: Wire) -> None:
    listed = await wire.send("GET", "/v1/kernelImages?pageSize=0&pageToken=&orderBy=&filter=")
    names = [one["name"] for one in listed.body["kernelImages"]]
    assert "kernelImages/python3" in names
    one = await wire.send("GET", "/v1/kernelImages%2Fpython3")
    assert one.body["kernelImage"]["name"] == "kernelImages/python3"
    body = {"displayName": "", "type": "TYPE_PYTHON", "image": "a/b:1"}
    made = await wire.send("POST", "/v1/kernelImages?kernelImageId=mine", body)
    assert made.body["kernelImage"]["name"] == "kernelImages/mine"
    path = "/v1/kernelImages%2Fmine?updateMask=disabled&allowMissing=false"
    changed = await wire.send("PATCH", path, {**body, "disabled": True})
    assert changed.body["kernelImage"]["disabled"] is True
    assert (await wire.send("DELETE", "/v1/kernelImages%2Fmine")).body == {}


async def test_templates_are_the_callers_own(wire: Wire) -> None:
    path = "/v1/kernelTemplates?kernelTemplateId=my-template"
    made = await wire.send("POST", path, BODY)
    assert made.body["kernelTemplate"]["name"] == "kernelTemplates/my-template"
    listed = await wire.send("GET", "/v1/kernelTemplates")
    assert [one["name"] for one in listed.body["kernelTemplates"]] == [
        "kernelTemplates/my-template"
    ]
    new = await wire.get("workspaces/default/kernelTemplates/my-template")
    assert new.status == 200


async def test_specs_name_images_and_templates_without_workspaces(wire: Wire) -> None:
    await wire.send("POST", "/v1/kernelTemplates?kernelTemplateId=mine", BODY)
    body = {
        "displayName": "One",
        "kernelImage": "kernelImages/python3",
        "kernelTemplate": "kernelTemplates/mine",
    }
    path = "/v1/notebookKernelSpecs?notebookKernelSpecId=one"
    made = (await wire.send("POST", path, body)).body["notebookKernelSpec"]
    assert {key: made[key] for key in body} == body
    assert made["name"] == "notebookKernelSpecs/one"
    new = await wire.get("workspaces/global/notebookKernelSpecs/one")
    full = "workspaces/default/kernelTemplates/mine"
    assert new.body["notebookKernelSpec"]["kernelTemplate"] == full


async def test_errors_are_told_in_the_same_way(wire: Wire) -> None:
    assert (await wire.send("GET", "/v1/kernelImages%2Fmissing")).fault == (404, 5)
    assert (await wire.send("GET", "/v1/kernelImages%2Fmissing%2Fmore")).fault == (404, 5)
    assert (await wire.holding(None).send("GET", "/v1/kernelImages")).fault == (401, 16)
