"""Every example of the document that this dialect comes from, as the published client 0.6.5 spells it.

They are run at the same time, for each of them waits, and the client looks every 5 seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.live_server import LiveServer
from tests.support.published_h2o import Said, published
from tools.h2o_for_tests import NEW

TEMPLATES = """
import h2o_notebook
from h2o_notebook.clients.kernel_template.kernel_template import KernelTemplate

clients = h2o_notebook.login()
for kernel_template_id in ("my-template", "my-template-3"):
    my_template = clients.kernel_template_client.create_kernel_template(
        parent="workspaces/default",
        kernel_template=KernelTemplate(
            milli_cpu_limit=4000,
            gpu=0,
            memory_bytes_limit="1Gi",
            max_idle_duration="1h",
            environmental_variables={"MY_ENV_VAR": "my-value"},
        ),
        kernel_template_id=kernel_template_id,
    )
print(my_template.memory_bytes_limit, my_template.max_idle_duration)
"""
BEGIN = """
import base64
import h2o_notebook
from h2o_notebook.clients.kernel.kernel import Kernel
from h2o_notebook.clients.kernel_image.type import KernelImageType
from h2o_notebook.clients.kernel_task.kernel_task import KernelTask

clients = h2o_notebook.login()
"""
KERNEL = """
kernel = clients.kernel_client.create_kernel(
    parent="workspaces/default",
    kernel=Kernel(
        kernel_image="workspaces/global/kernelImages/python",
        kernel_template="workspaces/default/kernelTemplates/my-template",
    ),
)
"""
IMAGES = """
all_images = clients.kernel_image_client.list_all_kernel_images(parent="workspaces/global")
images = [i for i in all_images if i.kernel_image_type == KernelImageType.TYPE_PYTHON]
print(images)
"""
CREATING = """
kernel = clients.kernel_client.create_kernel(
    parent="workspaces/default",
    kernel=Kernel(
        kernel_image="workspaces/global/kernelImages/python",
        kernel_template="workspaces/default/kernelTemplates/my-template",
        display_name="My First Kernel",
        environmental_variables={"ANOTHER_ENV_VAR": "my-value"},
    ),
)
print(kernel)
clients.kernel_client.terminate_kernel(name=kernel.name)
clients.kernel_client.delete_kernel(name=kernel.name)
clients.kernel_client.wait_kernel_deleted(name=kernel.name)
print("deleted")
"""
SUBMITTING = (
    KERNEL
    + '''
task = clients.kernel_task_client.create_kernel_task(
    parent=kernel.name,
    kernel_task=KernelTask(code="""
import time
print('Start')
time.sleep(5)
print('End')
"""),
)
print(task)
task = clients.kernel_task_client.wait_task_completed(name=task.name)
print(task)
clients.kernel_client.delete_kernel(name=kernel.name)
'''
)
CANCELLING = (
    KERNEL
    + '''
task1 = clients.kernel_task_client.create_kernel_task(
    parent=kernel.name,
    kernel_task=KernelTask(code="""
import time
time.sleep(60)
"""),
)
task2 = clients.kernel_task_client.create_kernel_task(
    parent=kernel.name,
    kernel_task=KernelTask(code="""
import time
time.sleep(1)
"""),
)
clients.kernel_task_client.cancel_kernel_task(name=task1.name)
task2 = clients.kernel_task_client.wait_task_completed(name=task2.name)
print(task2)
print(clients.kernel_task_client.get_kernel_task(name=task1.name).state)
clients.kernel_client.delete_kernel(name=kernel.name)
'''
)
PRINTING = (
    KERNEL
    + '''
task = clients.kernel_task_client.create_kernel_task(
    parent=kernel.name,
    kernel_task=KernelTask(code="""
import time
for i in range(10):
    print('Hello for the {} time!'.format(i))
    time.sleep(1)
"""),
)
task = clients.kernel_task_client.wait_task_completed(name=task.name)
output = clients.kernel_task_client.list_all_kernel_task_messages(kernel_task_name=task.name)
print(task)
print(output)
print("".join(message.std_out for message in output), end="")
print(len(output), "messages")
clients.kernel_client.delete_kernel(name=kernel.name)
'''
)
DISPLAYING = (
    KERNEL
    + '''
task = clients.kernel_task_client.create_kernel_task(
    parent=kernel.name,
    kernel_task=KernelTask(code="""
import matplotlib.pyplot as plt
import numpy as np

xaxis = np.array([2, 8])
yaxis = np.array([4, 9])
plt.plot(xaxis, yaxis)
plt.show()
"""),
)
task = clients.kernel_task_client.wait_task_completed(name=task.name)
output = clients.kernel_task_client.list_all_kernel_task_messages(kernel_task_name=task.name)
print(output[0].display_message.display_message_data["text/plain"])
png_data = output[0].display_message.display_message_data["image/png"]
with open("plot.png", "wb") as f:
    f.write(base64.b64decode(png_data))
print(len(output), sorted(output[0].display_message.display_message_data))
clients.kernel_client.delete_kernel(name=kernel.name)
'''
)
EXAMPLES = {
    "images": IMAGES,
    "creating": CREATING,
    "submitting": SUBMITTING,
    "cancelling": CANCELLING,
    "printing": PRINTING,
    "displaying": DISPLAYING,
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the examples run."""
    return tmp_path_factory.mktemp("document")


@pytest.fixture(scope="module")
def ran(tidied: LiveServer, home: Path) -> Mapping[str, Said]:
    """What the examples printed."""
    client = published(NEW, home, url=tidied.url, token=tidied.token)
    said = {"templates": client.run(TEMPLATES)}
    with ThreadPoolExecutor(len(EXAMPLES)) as threads:
        running = {
            name: threads.submit(client.run, BEGIN + script, seconds=150)
            for name, script in EXAMPLES.items()
        }
        said |= {name: one.result() for name, one in running.items()}
    failed = {name: one for name, one in said.items() if one.code}
    assert not failed, failed
    return said


def test_images_are_listed(ran: Mapping[str, Said]) -> None:
    assert "workspaces/global/kernelImages/python'" in ran["images"].out
    assert "TYPE_PYTHON" in ran["images"].out


def test_a_template_is_made(ran: Mapping[str, Said]) -> None:
    assert ran["templates"].out.split() == ["1Gi", "1h"]


def test_a_kernel_is_made_terminated_and_deleted(ran: Mapping[str, Said]) -> None:
    said = ran["creating"].out
    for expected in (
        "'display_name': 'My First Kernel'",
        "'environmental_variables': {'ANOTHER_ENV_VAR': 'my-value'}",
        "'kernel_image': 'workspaces/global/kernelImages/python'",
        "'kernel_template': 'workspaces/default/kernelTemplates/my-template'",
        "'last_activity_time': None",
        "KernelState.STATE_STARTING",
        "KernelType.TYPE_HEADLESS",
    ):
        assert expected in said
    assert said.endswith("deleted\n")


def test_a_task_is_queued_and_completes(ran: Mapping[str, Said]) -> None:
    submitted, completed = ran["submitting"].out.split("'traceback': ''}\n")[:2]
    assert "STATE_QUEUED" in submitted
    assert "'sequence_number': 1" in submitted
    assert "STATE_COMPLETE_SUCCESS" in completed


def test_a_task_is_cancelled_and_the_next_one_runs(ran: Mapping[str, Said]) -> None:
    said = ran["cancelling"].out
    assert "STATE_COMPLETE_SUCCESS" in said
    assert said.endswith("KernelTaskState.STATE_CANCELLED\n")


def test_what_is_printed_comes_in_messages(ran: Mapping[str, Said]) -> None:
    lines = ran["printing"].out.splitlines()
    assert lines[-11:-1] == [f"Hello for the {number} time!" for number in range(10)]
    assert lines[-1] in [f"{count} messages" for count in range(2, 11)]


def test_what_is_displayed_is_a_picture(ran: Mapping[str, Said], home: Path) -> None:
    assert ran["displaying"].out.splitlines() == [
        "b'<Figure size 640x480 with 1 Axes>'",
        "1 ['image/png', 'text/plain']",
    ]
    assert (home / "plot.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
