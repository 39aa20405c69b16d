"""Images, templates and notebook specs, as the published client makes, reads and changes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.live_server import LiveServer
from tests.support.published_h2o import PublishedClient, published
from tools.h2o_for_tests import NEW

BEGIN = """\
import json
import h2o_notebook
from h2o_notebook.exception import CustomApiException
from h2o_notebook.clients.kernel_image.kernel_image import KernelImage
from h2o_notebook.clients.kernel_image.type import KernelImageType
from h2o_notebook.clients.kernel_template.kernel_template import KernelTemplate
from h2o_notebook.clients.notebook_kernel_spec.notebook_kernel_spec import NotebookKernelSpec

clients = h2o_notebook.login()
images = clients.kernel_image_client
templates = clients.kernel_template_client
specs = clients.notebook_kernel_spec_client

def refused(call, **arguments):
    try:
        call(**arguments)
    except CustomApiException as error:
        return error.status
    return None

def python(image="registry/py:1", **fields):
    return KernelImage(kernel_image_type=KernelImageType.TYPE_PYTHON, image=image, **fields)

"""
Told = Callable[[str], object]


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server whose images may come and go."""
    data = tmp_path_factory.mktemp("resources") / "data"
    with LiveServer(data, "--kernel-start-timeout", "5s") as server:
        yield server


@pytest.fixture
def h2o(own: LiveServer, tmp_path: Path) -> PublishedClient:
    return published(NEW, tmp_path, url=own.url, token=own.token)


def says(h2o: PublishedClient, script: str) -> list[str]:
    """Run a script behind the beginning; return the lines that it printed."""
    return h2o.printed(BEGIN + script).splitlines()


def test_images_are_made_read_changed_and_deleted(h2o: PublishedClient) -> None:
    script = """
made = images.create_kernel_image(
    parent="workspaces/global",
    kernel_image=python(display_name="Mine", image_pull_secrets=["one"]),
    kernel_image_id="mine",
)
print(made.name, made.image_pull_policy, made.image_pull_secrets)
made.display_name, made.disabled, made.image = "New", True, ""
print(refused(images.update_kernel_image, kernel_image=made))
changed = images.update_kernel_image(kernel_image=made, update_mask="display_name,disabled")
print(changed.display_name, changed.disabled, changed.image)
print(refused(images.update_kernel_image, kernel_image=made, update_mask="nonsense"))
again = dict(parent="workspaces/global", kernel_image=python(), kernel_image_id="mine")
print(refused(images.create_kernel_image, **again))
empty = dict(parent="workspaces/global", kernel_image=python(image=""), kernel_image_id="empty")
print(refused(images.create_kernel_image, **empty))
listed = images.list_kernel_images(parent="workspaces/global", page_size=1)
print(listed.kernel_images[0].name, bool(listed.next_page_token))
print(images.delete_kernel_image(name=made.name))
print(refused(images.get_kernel_image, name=made.name))
"""
    assert says(h2o, script) == [
        "workspaces/global/kernelImages/mine ImagePullPolicy.IMAGE_PULL_POLICY_ALWAYS ['one']",
        "400",
        "New True registry/py:1",
        "400",
        "409",
        "400",
        "workspaces/global/kernelImages/mine True",
        "None",
        "404",
    ]


def test_templates_are_made_read_and_deleted(h2o: PublishedClient) -> None:
    script = """
made = templates.create_kernel_template(
    parent="workspaces/default",
    kernel_template=KernelTemplate(
        milli_cpu_limit=4000,
        gpu=0,
        memory_bytes_limit="1Gi",
        max_idle_duration="1h",
        environmental_variables={"MY_ENV_VAR": "my-value"},
        yaml_pod_template_spec="spec:\\n  nodeName: {{ .Creator }}\\n",
    ),
    kernel_template_id="my-template-3",
)
print(made.name, made.milli_cpu_request, made.milli_cpu_limit, made.gpu, made.gpu_resource)
print(made.memory_bytes_request, made.memory_bytes_limit, made.storage_bytes)
print(made.max_idle_duration, made.environmental_variables, repr(made.yaml_pod_template_spec))
print(templates.list_all_kernel_templates(parent="workspaces/default")[0].name)
print(refused(
    templates.create_kernel_template,
    parent="workspaces/default",
    kernel_template=KernelTemplate(gpu=0, memory_bytes_limit="1", max_idle_duration="1h"),
    kernel_template_id="tiny",
))
print(templates.delete_kernel_template(name=made.name))
print(refused(templates.get_kernel_template, name=made.name))
"""
    assert says(h2o, script) == [
        "workspaces/default/kernelTemplates/my-template-3 4000 4000 0 nvidia.com/gpu",
        "1Gi 1Gi 0",
        "1h {'MY_ENV_VAR': 'my-value'} 'spec:\\n  nodeName: {{ .Creator }}\\n'",
        "workspaces/default/kernelTemplates/my-template-3",
        "400",
        "None",
        "404",
    ]


def test_specs_are_made_read_changed_and_deleted(h2o: PublishedClient) -> None:
    script = """
made = specs.create_notebook_kernel_spec(
    parent="workspaces/global",
    notebook_kernel_spec=NotebookKernelSpec(
        kernel_image="workspaces/global/kernelImages/python",
        kernel_template="workspaces/global/kernelTemplates/default",
        display_name="Python",
    ),
    notebook_kernel_spec_id="one",
)
print(made.name, made.display_name, made.disabled)
print(made.kernel_image, made.kernel_template)
made.disabled = True
print(specs.update_notebook_kernel_spec(notebook_kernel_spec=made, update_mask="disabled").disabled)
print([one.name for one in specs.list_all_notebook_kernel_specs(parent="workspaces/global")])
print(specs.delete_notebook_kernel_spec(name=made.name))
print(refused(specs.get_notebook_kernel_spec, name=made.name))
"""
    assert says(h2o, script) == [
        "workspaces/global/notebookKernelSpecs/one Python False",
        "workspaces/global/kernelImages/python workspaces/global/kernelTemplates/default",
        "True",
        "['workspaces/global/notebookKernelSpecs/one']",
        "None",
        "404",
    ]


def test_a_user_has_templates_of_his_own_and_changes_no_image(
    h2o: PublishedClient, own: LiveServer
) -> None:
    with own.client() as yard:
        token = yard.tokens.create("ada", role="user").token
    script = """
name = "workspaces/global/kernelImages/python"
python_of_the_server = images.get_kernel_image(name=name)
print(python_of_the_server.kernel_image_type)
print(refused(images.update_kernel_image, kernel_image=python_of_the_server))
print(refused(images.delete_kernel_image, name="workspaces/global/kernelImages/missing"))
print(refused(images.get_kernel_image, name="workspaces/global/kernelImages/missing"))
template = dict(kernel_template=KernelTemplate(gpu=0, memory_bytes_limit="1Gi", max_idle_duration="1h"))
template["kernel_template_id"] = "hers"
print(refused(templates.create_kernel_template, parent="workspaces/global", **template))
print(templates.create_kernel_template(parent="workspaces/default", **template).name)
print(refused(templates.get_kernel_template, name="workspaces/default/kernelTemplates/missing"))
print(refused(templates.get_kernel_template, name="workspaces/global/kernelTemplates/default"))
print(len(templates.list_all_kernel_templates(parent="workspaces/default")))
"""
    assert says(replace(h2o, token=token), script) == [
        "KernelImageType.TYPE_PYTHON",
        "403",
        "403",
        "404",
        "400",
        "workspaces/default/kernelTemplates/hers",
        "403",
        "403",
        "1",
    ]


def test_everything_of_a_workspace_can_be_replaced_at_once(h2o: PublishedClient) -> None:
    script = """
from h2o_notebook.clients.kernel_image.kernel_image_config import KernelImageConfig
from h2o_notebook.clients.kernel_template.kernel_template_config import KernelTemplateConfig

def image_config(name, reference):
    return KernelImageConfig(
        kernel_image_id=name,
        display_name=name,
        kernel_image_type=KernelImageType.TYPE_PYTHON,
        image=reference,
        disabled=False,
    )

applied = images.apply_kernel_images([image_config("python", "python3"), image_config("b", "x/y")])
print([one.name.rpartition("/")[2] for one in applied])
config = KernelTemplateConfig(
    kernel_template_id="default", gpu=0, memory_bytes_limit="1Gi", max_idle_duration="1h"
)
print([one.name for one in templates.apply_global_kernel_templates([config])])
"""
    assert says(h2o, script) == [
        "['b', 'python']",
        "['workspaces/global/kernelTemplates/default']",
    ]


def test_a_kernel_of_a_container_image_fails_with_a_reason(h2o: PublishedClient) -> None:
    script = """
import time
from h2o_notebook.clients.kernel.kernel import Kernel
from h2o_notebook.clients.kernel_task.kernel_task import KernelTask

images.create_kernel_image(
    parent="workspaces/global", kernel_image=python(), kernel_image_id="container"
)
kernel = clients.kernel_client.create_kernel(
    parent="workspaces/default",
    kernel=Kernel(
        kernel_image="workspaces/global/kernelImages/container",
        kernel_template="workspaces/global/kernelTemplates/default",
    ),
)
print(kernel.kernel_image_info.image)
task = clients.kernel_task_client.create_kernel_task(
    parent=kernel.name, kernel_task=KernelTask(code="print(1)")
)
print(clients.kernel_client.get_kernel(name=kernel.name).state, task.state)
while not kernel.failure_reason:
    time.sleep(0.2)
    kernel = clients.kernel_client.get_kernel(name=kernel.name)
print(kernel.state)
print("nothing can start containers" in kernel.failure_reason)
"""
    image, at_first, state, reason = says(h2o, script)
    assert at_first == "KernelState.STATE_STARTING KernelTaskState.STATE_QUEUED"
    assert (image, reason) == ("registry/py:1", "True")
    assert state in ("KernelState.STATE_FAILED", "KernelState.STATE_TERMINATING")
