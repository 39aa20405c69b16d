"""Whose things are whose at the H2O door, as the published client 0.6.5 sees it.

- a user is not told whether what is another's exists; an administrator is
- images and shared templates are for all to use, and for administrators to change
- a list is one's own, and so is what is deleted by it
- a token that is revoked, expired or made up opens nothing
- what is made with the SDK is there for this client, and the other way round
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from tests.support.live_server import LiveServer
from tests.support.published_h2o import published
from tools.h2o_for_tests import NEW

PEOPLE = """
import os
from h2o_notebook.clients.kernel_image.kernel_image import KernelImage
from h2o_notebook.clients.kernel_image.type import KernelImageType
from h2o_notebook.clients.notebook_kernel_spec.notebook_kernel_spec import NotebookKernelSpec

admin = clients


def login(word):
    return h2o_notebook.login(
        environment=os.environ["H2O_CLOUD_ENVIRONMENT"],
        token_provider=lambda: os.environ[word],
    )


ada, ben = login("ADA"), login("BEN")
clients, kernels, tasks = ada, ada.kernel_client, ada.kernel_task_client
of = template("of-ada")
one = kernel(of, "mine")
first = ended(task(one.name, "print('of ada')", "first"))
missing = PARENT + "/kernels/none"
asked = {
    "kernel": lambda who: who.kernel_client.get_kernel(one.name),
    "none": lambda who: who.kernel_client.get_kernel(missing),
    "task": lambda who: who.kernel_task_client.get_kernel_task(first.name),
    "no task": lambda who: who.kernel_task_client.get_kernel_task(one.name + "/tasks/none"),
    "messages": lambda who: who.kernel_task_client.list_all_kernel_task_messages(first.name),
    "template": lambda who: who.kernel_template_client.get_kernel_template(of),
    "no template": lambda who: who.kernel_template_client.get_kernel_template(of + "x"),
    "no image": lambda who: who.kernel_image_client.get_kernel_image(IMAGE + "x"),
    "image": lambda who: who.kernel_image_client.get_kernel_image(IMAGE),
    "cancel": lambda who: who.kernel_task_client.cancel_kernel_task(first.name),
}
new_image = KernelImage(KernelImageType.TYPE_PYTHON, image="python3")
only_admins = [
    lambda who: who.kernel_image_client.create_kernel_image("workspaces/global", new_image, "new"),
    lambda who: who.kernel_image_client.delete_kernel_image(IMAGE + "x"),
    lambda who: who.notebook_kernel_spec_client.create_notebook_kernel_spec(
        "workspaces/global", NotebookKernelSpec(kernel_image=IMAGE + "x", kernel_template=of), "s"
    ),
]
bens = [
    lambda: ben.kernel_task_client.create_kernel_task(one.name, KernelTask(code="1")),
    lambda: ben.kernel_client.terminate_kernel(one.name),
    lambda: ben.kernel_client.delete_kernel(one.name),
    lambda: ben.kernel_template_client.create_kernel_template(
        PARENT, KernelTemplate(gpu=0, memory_bytes_limit="0", max_idle_duration="1h"), "of-ada"
    ),
    lambda: ben.kernel_client.create_kernel(PARENT, Kernel(kernel_image=IMAGE, kernel_template=of)),
]
seen = {name: [refused(call, who) for who in (ben, admin)] for name, call in asked.items()}
of_ben = ben.kernel_client.create_kernel(
    PARENT,
    Kernel(kernel_image=IMAGE, kernel_template="workspaces/global/kernelTemplates/default"),
    "mine",
)
lists = [[k.name for k in who.kernel_client.list_all_kernels(PARENT)] for who in (ada, ben)]
ada.kernel_client.delete_all_kernels(PARENT)
ada.kernel_client.wait_all_kernels_deleted(PARENT, timeout_seconds=60)
left = [len(who.kernel_client.list_all_kernels(PARENT)) for who in (ada, ben)]
ben.kernel_client.delete_kernel(of_ben.name)
tell(
    seen=seen,
    only_admins=[refused(call, ben) for call in only_admins],
    bens=[refused(call) for call in bens],
    lists=lists,
    left=left,
    creators=[one.creator, of_ben.creator_display_name],
    tokens={
        word: refused(login(word).kernel_client.list_all_kernels, PARENT)
        for word in ("REVOKED", "EXPIRED", "FORGED", "UNSIGNED", "NONSENSE")
    },
)
"""
UNSIGNED = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9."
FORGED = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZG1pbiJ9.c2lnbmVk"
BOTH = """
found = kernels.get_kernel(PARENT + "/kernels/k-" + "{kernel}")
listed = [k.name for k in kernels.list_all_kernels(parent=PARENT)]
there = tasks.get_kernel_task(found.name + "/tasks/t-" + "{task}")
made = kernel("workspaces/global/kernelTemplates/default", "from-h2o", display_name="From H2O")
mine = ended(task(made.name, "print('there')", "mine"))
tell(
    found=[found.display_name, found.name in listed, word(there), said(there)],
    name=made.name,
)
"""


@pytest.fixture(scope="module")
def told(live: LiveServer, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """What the script about two users has told."""
    headers = {"Authorization": f"Bearer {live.token}"}
    with httpx.Client(base_url=live.url, headers=headers) as native:

        def token(user: str, name: str, **fields: object) -> dict[str, Any]:
            order = {"user": user, "name": name, **fields}
            if name == user:
                del order["user"]
            answer = native.post("/v1/tokens", json=order)
            assert answer.status_code == 201, answer.text
            return dict(answer.json())

        tokens = {name.upper(): token(name, name)["token"] for name in ("ada", "ben")}
        revoked = token("ada", "revoked")
        assert native.delete(f"/v1/tokens/{revoked['id']}").status_code == 204
        expired = token("ada", "expired", expires_in="1s")
    client = published(NEW, tmp_path_factory.mktemp("people"), url=live.url, token=live.token)
    return client.told(
        PEOPLE,
        seconds=150,
        **tokens,
        REVOKED=revoked["token"],
        EXPIRED=expired["token"],
        FORGED=FORGED,
        UNSIGNED=UNSIGNED,
        NONSENSE=str(uuid.uuid4()),
    )


def test_a_user_is_not_told_whether_what_is_anothers_exists(told: Mapping[str, Any]) -> None:
    seen = told["seen"]
    for_ben = {name: status for name, (status, _) in seen.items()}
    hidden = ("kernel", "none", "task", "no task", "messages", "template", "no template", "cancel")
    assert {for_ben[name] for name in hidden} == {403}
    assert (for_ben["image"], for_ben["no image"]) == ("not refused", 404)
    assert told["bens"] == [403] * 5


def test_an_administrator_is_told_what_there_is(told: Mapping[str, Any]) -> None:
    for_admin = {name: status for name, (_, status) in told["seen"].items()}
    assert {name for name, status in for_admin.items() if status == "not refused"} == {
        *("kernel", "task", "messages", "template", "image")
    }
    missing = ("none", "no task", "no template", "no image")
    assert {for_admin[name] for name in missing} == {404}
    assert for_admin["cancel"] == 400


def test_only_administrators_change_what_is_everybodys(told: Mapping[str, Any]) -> None:
    assert told["only_admins"] == [403, 403, 403]


def test_a_list_is_ones_own_and_so_is_what_is_deleted_by_it(told: Mapping[str, Any]) -> None:
    assert told["lists"] == [["workspaces/default/kernels/mine"]] * 2
    assert told["left"] == [0, 1]
    assert told["creators"] == ["users/ada", "ben"]


def test_a_token_that_is_not_good_any_more_opens_nothing(told: Mapping[str, Any]) -> None:
    assert set(told["tokens"].values()) == {401}


def test_what_is_made_with_the_sdk_is_there_and_the_other_way_round(
    live: LiveServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    client = published(NEW, tmp_path_factory.mktemp("both"), url=live.url, token=live.token)
    with live.client() as yard:
        kernel = yard.kernels.create("python3", display_name="From the SDK")
        task = kernel.submit("print('here')")
        task.wait(60)
        told = client.told(BOTH.format(kernel=kernel.id, task=task.id))
        assert told["found"] == ["From the SDK", True, "COMPLETE_SUCCESS", ["here\n"]]
        (found,) = (one for one in yard.kernels.list() if one.info.display_name == "From H2O")
        (mine,) = found.tasks()
        assert mine.result().stdout == "there\n"
        for one in (kernel, found):
            one.delete()
