"""Which image and template kernels are made of, and what they remember of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.doors.h2o import test_images, test_templates
from tests.doors.h2o.orders import PARENT, created, looked_at, order
from tests.doors.h2o.wire import Wire
from tests.support.http_house import House

MINE = "workspaces/default/kernelTemplates"
SHARED = "workspaces/global/kernelTemplates"
IMAGES = "workspaces/global/kernelImages"


@pytest.fixture(autouse=True)
def own(house: House) -> None:
    """The scripted Python is that of the server."""
    house.agent.find(
        *(replace(one, own=one.name == "python3") for one in house.agent.images),
    )


async def test_a_kernel_is_told_with_the_names_that_were_chosen(wire: Wire) -> None:
    await test_templates.make(wire, "small", environmentalVariables={"A": "1"}, storageBytes="7")
    kernel = await created(wire, kernelImage=f"{IMAGES}/python", kernelTemplate=f"{MINE}/small")
    assert kernel["kernelImage"] == f"{IMAGES}/python"
    assert kernel["kernelTemplate"] == f"{MINE}/small"
    assert kernel["kernelImageInfo"] == {
        "kernelImageType": "TYPE_PYTHON",
        "image": "kernelspec/python3",
    }
    template = (await wire.get(f"{MINE}/small")).body["kernelTemplate"]
    info = kernel["kernelTemplateInfo"]
    assert info.pop("templateEnvironmentalVariables") == {"A": "1"}
    assert info == {key: template[key] for key in info}
    assert set(info) == {
        "gpu",
        "gpuResource",
        "milliCpuRequest",
        "milliCpuLimit",
        "memoryBytesRequest",
        "memoryBytesLimit",
        "storageBytes",
        "storageClassName",
        "yamlPodTemplateSpec",
        "maxIdleDuration",
    }


async def test_a_kernel_remembers_what_was_changed_or_deleted_afterwards(wire: Wire) -> None:
    await test_images.make(wire, "team", image="python3", type="TYPE_SPARK_PYTHON")
    await test_templates.make(wire, "small")
    kernel = await created(wire, kernelImage=f"{IMAGES}/team", kernelTemplate=f"{MINE}/small")
    assert kernel["kernelImageInfo"] == {"kernelImageType": "TYPE_SPARK_PYTHON", "image": "python3"}
    for name in (f"{IMAGES}/team", f"{MINE}/small"):
        assert (await wire.delete(name)).status == 200
    later = await looked_at(wire, kernel["name"])
    for field in ("kernelImage", "kernelTemplate", "kernelImageInfo", "kernelTemplateInfo"):
        assert later[field] == kernel[field]


async def test_what_is_disabled_starts_no_kernel(wire: Wire) -> None:
    await test_images.make(wire, "off", image="python3", disabled=True)
    await test_templates.make(wire, "off", disabled=True)
    for fields in ({"kernelImage": f"{IMAGES}/off"}, {"kernelTemplate": f"{MINE}/off"}):
        answer = await wire.post(PARENT, "/kernels?kernelId=", order(**fields))
        assert answer.fault == (400, 9)
        assert "disabled" in answer.message


async def test_a_user_makes_kernels_with_shared_templates_and_his_own_only(
    wire: Wire, user: Wire
) -> None:
    await test_templates.make(wire, "shared", SHARED)
    await test_templates.make(wire, "admins")
    await test_templates.make(user, "hers")
    for usable in (f"{SHARED}/shared", f"{MINE}/hers", f"{SHARED}/default"):
        assert (await created(user, kernelTemplate=usable))["kernelTemplate"] == usable
    hidden = await user.post(PARENT, "/kernels", order(kernelTemplate=f"{MINE}/admins"))
    assert hidden.fault == (403, 7)


@pytest.mark.parametrize(
    "fields",
    [
        {"kernelImage": "python3"},
        {"kernelImage": "workspaces/other/kernelImages/python3"},
        {"kernelTemplate": "default"},
        {"kernelTemplate": f"{SHARED}/default/more"},
        {"kernelTemplate": ""},
    ],
)
async def test_a_name_that_is_none_is_refused(wire: Wire, fields: dict[str, str]) -> None:
    answer = await wire.post(PARENT, "/kernels", order(**fields))
    assert answer.fault == (400, 3)
    assert answer.message.startswith("validation error: invalid Kernel")
