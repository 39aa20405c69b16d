"""Kernel templates of the H2O door."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from kernelyard.model.kernels import KernelOrder
from kernelyard.model.principals import Principal, Role
from kernelyard.model.templates import Template

from tests.doors.h2o.wire import Answer, Wire
from tests.support.http_house import House

MINE = "workspaces/default/kernelTemplates"
SHARED = "workspaces/global/kernelTemplates"
ADMIN = Principal("admin", Role.ADMIN)
ADA = Principal("ada", Role.USER)
BODY: dict[str, Any] = {
    "gpu": 0,
    "memoryBytesLimit": "1073741824",
    "maxIdleDuration": "3600s",
    "environmentalVariables": {"MY_ENV_VAR": "my-value"},
    "yamlPodTemplateSpec": "",
    "gpuResource": "",
    "milliCpuRequest": 0,
    "milliCpuLimit": 4000,
    "memoryBytesRequest": "0",
    "storageBytes": "0",
    "storageClassName": "",
    "disabled": False,
}
"""As the client sends it."""


async def make(wire: Wire, id_: str, parent: str = MINE, **fields: Any) -> Answer:
    """Create a template."""
    return await wire.post(
        parent.rpartition("/")[0], f"/kernelTemplates?kernelTemplateId={id_}", {**BODY, **fields}
    )


async def ids(wire: Wire, parent: str = MINE) -> list[str]:
    """The ids in a workspace."""
    answer = await wire.get(parent.rpartition("/")[0], "/kernelTemplates?pageSize=0&pageToken=")
    assert answer.status == 200, answer.body
    assert answer.body["nextPageToken"] == ""
    return [one["name"].rpartition("/")[2] for one in answer.body["kernelTemplates"]]


async def test_what_is_not_said_is_filled_in(wire: Wire) -> None:
    made = (await make(wire, "small")).body["kernelTemplate"]
    assert made.pop("createTime").startswith("20")
    assert made == {
        **BODY,
        "name": f"{MINE}/small",
        "gpuResource": "nvidia.com/gpu",
        "milliCpuRequest": 4000,
        "memoryBytesRequest": "1073741824",
        "updateTime": None,
    }
    assert (await wire.get(f"{MINE}/small")).status == 200


async def test_every_field_comes_back_as_it_was_sent(wire: Wire) -> None:
    manifest = (
        "# for {{ .Creator }}\r\nspec:\n  containers:\n  - name: kernel\n    unknown: true\n"
        "metadata:\n  labels:\n    who: {{ .CreatorID }}\t\n    name: '{{ .CreatorDisplayName }}'\n\n"
    )
    said = {
        "gpu": 2,
        "gpuResource": "amd.com/gpu",
        "milliCpuRequest": 500,
        "milliCpuLimit": 1500,
        "memoryBytesRequest": "268435456",
        "memoryBytesLimit": "9223372036854775807",
        "storageBytes": "10737418240",
        "storageClassName": "fast",
        "yamlPodTemplateSpec": manifest,
        "maxIdleDuration": "61s",
        "environmentalVariables": {"A": "ä", "B": ""},
        "disabled": True,
    }
    made = (await make(wire, "large", **said)).body["kernelTemplate"]
    told = (await wire.get(f"{MINE}/large")).body["kernelTemplate"]
    assert told == made
    assert {key: told[key] for key in said} == said


async def test_kernels_are_made_with_it_and_remember_it(wire: Wire, house: House) -> None:
    await make(wire, "small", maxIdleDuration="2s", yamlPodTemplateSpec="spec: {}")
    order = KernelOrder(image="python3", template="small")
    kernel, _ = await house.yard.kernels.create(ADMIN, order)
    assert (await wire.delete(f"{MINE}/small")).body == {}
    assert (await wire.get(f"{MINE}/small")).fault == (404, 5)
    spec = (await house.yard.kernels.get(ADMIN, kernel.id)).template.spec
    assert (spec.max_idle_seconds, spec.milli_cpu_limit) == (2.0, 4000)
    assert (spec.environment, spec.pod.manifest) == ({"MY_ENV_VAR": "my-value"}, "spec: {}")


async def test_the_newest_come_first(wire: Wire) -> None:
    for number in range(3):
        await make(wire, f"t{number}")
    assert await ids(wire) == ["t2", "t1", "t0"]


async def test_an_id_is_used_once_in_a_workspace(wire: Wire) -> None:
    assert (await make(wire, "same")).status == 200
    assert (await make(wire, "same", gpu=1)).fault == (409, 6)
    assert (await make(wire, "same", SHARED, gpu=2)).status == 200
    mine, shared = await wire.get(f"{MINE}/same"), await wire.get(f"{SHARED}/same")
    assert (mine.body["kernelTemplate"]["gpu"], shared.body["kernelTemplate"]["gpu"]) == (0, 2)


async def test_an_id_is_made_if_none_is_given(wire: Wire) -> None:
    made = await wire.post("workspaces/default", "/kernelTemplates?kernelTemplateId=", BODY)
    assert (await wire.get(made.body["kernelTemplate"]["name"])).body == made.body


async def test_the_yards_own_template_is_reached_by_its_name_until_another_has_it(
    wire: Wire, house: House
) -> None:
    assert await ids(wire, SHARED) == []
    assert (await wire.get(f"{SHARED}/default")).body["kernelTemplate"]["gpu"] == 0
    assert (await make(wire, "default", SHARED, gpu=1)).status == 200
    assert await ids(wire, SHARED) == ["default"]
    assert (await wire.get(f"{SHARED}/default")).body["kernelTemplate"]["gpu"] == 1
    for _ in range(2):
        assert (await wire.delete(f"{SHARED}/default")).body == {}
    assert (await wire.get(f"{SHARED}/default")).fault == (404, 5)
    assert (await house.yard.templates.get(ADMIN, "default")).spec.gpu == 0


async def test_templates_of_other_doors_are_where_they_belong(
    wire: Wire, user: Wire, house: House
) -> None:
    await house.yard.templates.create(ADMIN, Template(name="Team.Large"))
    await house.yard.templates.create(ADA, Template(name="hers"))
    assert await ids(user) == ["hers"]
    (odd,) = await ids(wire, SHARED)
    assert odd.startswith("team-large-")
    assert (await wire.get(f"{SHARED}/{odd}")).status == 200


async def test_a_user_has_templates_of_his_own(wire: Wire, user: Wire) -> None:
    await make(wire, "admins")
    assert (await make(user, "hers")).status == 200
    assert await ids(user) == ["hers"]
    assert await ids(wire) == ["hers", "admins"]
    assert (await user.get(f"{MINE}/hers")).status == 200
    assert (await wire.get(f"{MINE}/hers")).status == 200
    assert (await make(user, "hers")).fault == (409, 6)
    made = await asyncio.gather(*(make(user, "at-once") for _ in range(8)))
    assert sorted(answer.status for answer in made) == [200] + [409] * 7
    for name in ("admins", "missing"):
        assert (await user.get(f"{MINE}/{name}")).fault == (403, 7)
        assert (await user.delete(f"{MINE}/{name}")).fault == (403, 7)
    assert (await make(user, "admins")).fault == (403, 7)
    assert (await user.delete(f"{MINE}/hers")).body == {}
    assert (await wire.get(f"{MINE}/hers")).fault == (404, 5)


async def test_a_user_has_nothing_to_say_about_shared_templates(wire: Wire, user: Wire) -> None:
    await make(wire, "ours", SHARED)
    assert (await make(user, "mine", SHARED)).fault == (400, 3)
    assert await ids(user, SHARED) == ["ours"]
    for name in ("ours", "missing"):
        assert (await user.get(f"{SHARED}/{name}")).fault == (403, 7)
        assert (await user.delete(f"{SHARED}/{name}")).fault == (400, 3)


async def test_a_template_is_not_updated(wire: Wire) -> None:
    await make(wire, "small")
    assert (await wire.patch(f"{MINE}/small", "*", BODY)).fault == (405, 12)


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"memoryBytesLimit": "1"}, "memory"),
        ({"memoryBytesLimit": "-1"}, "memoryBytesLimit"),
        ({"memoryBytesLimit": "9223372036854775808"}, "memoryBytesLimit"),
        ({"memoryBytesLimit": "1Gi"}, "memoryBytesLimit"),
        ({"memoryBytesLimit": 1.5}, "memoryBytesLimit"),
        ({"memoryBytesRequest": "2147483648"}, "memory_bytes_request"),
        ({"milliCpuRequest": 5000}, "milli_cpu_request"),
        ({"milliCpuLimit": -1}, "milliCpuLimit"),
        ({"milliCpuLimit": 2**31}, "milliCpuLimit"),
        ({"milliCpuLimit": True}, "milliCpuLimit"),
        ({"gpu": -1}, "gpu"),
        ({"gpuResource": "x" * 300}, "gpuResource"),
        ({"storageBytes": "x"}, "storageBytes"),
        ({"maxIdleDuration": "1h"}, "maxIdleDuration"),
        ({"maxIdleDuration": "-1s"}, "maxIdleDuration"),
        ({"maxIdleDuration": "0.5s"}, "max_idle_duration"),
        ({"maxIdleDuration": "999999999999s"}, "maxIdleDuration"),
        ({"maxIdleDuration": 3600}, "maxIdleDuration"),
        ({"environmentalVariables": {"1A": "x"}}, "1A"),
        ({"environmentalVariables": {"A": 1}}, "environmentalVariables"),
        ({"environmentalVariables": ["A"]}, "environmentalVariables"),
        ({"yamlPodTemplateSpec": "spec: [unclosed"}, "YAML in line"),
        ({"yamlPodTemplateSpec": "just text"}, "yaml_pod_template_spec"),
        ({"yamlPodTemplateSpec": "- a\n- list"}, "yaml_pod_template_spec"),
        ({"yamlPodTemplateSpec": "a: 1\n---\nb: 2"}, "yaml_pod_template_spec"),
        ({"yamlPodTemplateSpec": "spec: text"}, "'spec'"),
        ({"yamlPodTemplateSpec": "spec:\n  containers: {}"}, "'spec.containers'"),
        ({"yamlPodTemplateSpec": "a: !!python/object:os.system x"}, "yaml_pod_template_spec"),
        ({"yamlPodTemplateSpec": "[" * 60_000}, "yaml_pod_template_spec"),
        ({"yamlPodTemplateSpec": "{" * 60_000}, "yaml_pod_template_spec"),
        ({"yamlPodTemplateSpec": "#" * 70_000}, "yaml_pod_template_spec"),
        ({"disabled": 1}, "disabled"),
    ],
)
async def test_a_field_that_does_not_fit_is_named(
    wire: Wire, fields: dict[str, Any], word: str
) -> None:
    answer = await make(wire, "small", **fields)
    assert answer.fault == (400, 3)
    assert answer.message.startswith("validation error: ")
    assert word in answer.message
    assert await ids(wire) == []


@pytest.mark.parametrize("manifest", ["", "# nothing", "metadata: {}", "spec:\n  unknown: [1, 2]"])
async def test_a_manifest_may_have_what_nobody_knows(wire: Wire, manifest: str) -> None:
    made = await make(wire, "small", yamlPodTemplateSpec=manifest)
    assert made.body["kernelTemplate"]["yamlPodTemplateSpec"] == manifest


@pytest.mark.parametrize("size", ["1000", "1000000"])
async def test_little_memory_is_kept_for_kernels_to_fail_with(wire: Wire, size: str) -> None:
    # Other programs make such templates without making kernels with them.
    made = await make(wire, "small", memoryBytesLimit=size)
    assert made.body["kernelTemplate"]["memoryBytesLimit"] == size
    told = (await wire.send("GET", "/v1/templates/small")).body
    changed = await wire.send("PATCH", "/v1/templates/small", {"gpu": 1})
    assert changed.status == 200, changed.body
    assert told["memory_bytes_limit"] == int(size)
    again = await wire.send("PATCH", "/v1/templates/small", {"memory_bytes_limit": 2000})
    assert again.status == 400
