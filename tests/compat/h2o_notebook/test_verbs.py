"""What the clients do on a real server, beyond what the guide shows."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest

from kernelyard import Client
from kernelyard.compat import h2o_notebook
from kernelyard.compat.h2o_notebook.clients.kernel.kernel import Kernel
from kernelyard.compat.h2o_notebook.clients.kernel.state import KernelState
from kernelyard.compat.h2o_notebook.clients.kernel_image.type import KernelImageType
from kernelyard.compat.h2o_notebook.clients.kernel_task.kernel_task import KernelTask
from kernelyard.compat.h2o_notebook.clients.kernel_task.state import KernelTaskState
from kernelyard.compat.h2o_notebook.exception import (
    CustomApiException,
    InvalidArgumentException,
    NotSupportedException,
    TimeoutException,
)

from tests.support.live_server import LiveServer

pytestmark = [pytest.mark.journey, pytest.mark.timeout(180)]
NOBODY = "00000000-0000-4000-8000-000000000000"
POD = "spec:\n  nodeSelector: {disk: ssd}  # as written\n"
Clients = h2o_notebook.Clients


@pytest.fixture(scope="module")
def kernel(clients: Clients) -> Iterator[Kernel]:
    """A kernel that tests share; they leave it idle."""
    made = clients.kernel_client.create_kernel(
        kernel_image_id="python", kernel_template_id="default", display_name="shared"
    )
    yield made
    clients.kernel_client.delete_kernel(made.kernel_id)
    clients.kernel_client.wait_kernel_deleted(made.kernel_id, timeout_seconds=60)


def ran(clients: Clients, kernel: Kernel, code: str) -> KernelTask:
    """Run code to its end."""
    tasks = clients.kernel_task_client
    task = tasks.create_kernel_task(kernel.kernel_id, code)
    return tasks.wait_task_completed(kernel.kernel_id, task.kernel_task_id, timeout_seconds=90)


def refused(call: Callable[[], object]) -> tuple[int, str]:
    with pytest.raises(CustomApiException) as caught:
        call()
    return caught.value.status, caught.value.code


def test_a_failure_is_told_in_the_task_and_not_in_messages(
    clients: Clients, kernel: Kernel
) -> None:
    task = ran(clients, kernel, "print('before')\n1/0")
    assert task.state is KernelTaskState.STATE_COMPLETE_ERROR
    assert (task.error, task.error_value) == ("ZeroDivisionError", "division by zero")
    assert "ZeroDivisionError" in task.traceback
    messages = clients.kernel_task_client.list_all_kernel_task_messages(
        kernel.kernel_id, task.kernel_task_id
    )
    assert [message.std_out for message in messages] == ["before\n"]


def test_output_is_there_whole_and_page_by_page(clients: Clients, kernel: Kernel) -> None:
    code = (
        "import sys\n"
        "for n in range(3):\n"
        "    print(n, flush=True)\n"
        "    print('!', file=sys.stderr, flush=True)\n"
        "from IPython.display import JSON, display\n"
        "display(JSON({'a': 1}))\n"
        "6 * 7"
    )
    task = ran(clients, kernel, code)
    ids = (kernel.kernel_id, task.kernel_task_id)
    tasks = clients.kernel_task_client
    output = tasks.get_kernel_task_output(*ids)
    assert (output.stdout, output.stderr) == ("0\n1\n2\n", "!\n!\n!\n")
    first, last = output.attachments
    assert {one.mime_type: one.data for one in first.data}["application/json"] == b'{"a": 1}'
    assert [(one.mime_type, one.data) for one in last.data] == [("text/plain", b"42")]
    every = tasks.list_all_kernel_task_messages(*ids)
    assert "".join(one.std_out or "" for one in every) == output.stdout
    paged, token = [], ""
    while True:
        page = tasks.list_kernel_task_messages(*ids, page_size=2, page_token=token)
        paged += page.kernel_task_messages
        token = page.next_page_token
        if not token:
            break
    assert paged == every
    with pytest.raises(InvalidArgumentException, match="not known"):
        tasks.list_kernel_task_messages(*ids, page_token="nowhere")


def test_messages_are_there_while_the_task_runs(clients: Clients, kernel: Kernel) -> None:
    tasks = clients.kernel_task_client
    task = tasks.create_kernel_task(
        kernel.kernel_id, "print('on', flush=True)\nimport time\ntime.sleep(600)"
    )
    behind = tasks.create_kernel_task(kernel.kernel_id, "print('behind')")
    ids = (kernel.kernel_id, task.kernel_task_id)
    with pytest.raises(TimeoutException, match="still"):
        tasks.wait_task_completed(*ids, timeout_seconds=0.1)
    with Client(clients._yard.url, clients._yard._http.address.token) as yard:
        for output in yard.tasks.get(task.kernel_task_id).follow():
            if output.text == "on\n":
                break
    assert [one.std_out for one in tasks.list_all_kernel_task_messages(*ids)] == ["on\n"]
    busy = clients.kernel_client.get_kernel(kernel.kernel_id)
    assert (busy.state, busy.current_task) == (
        KernelState.STATE_RUNNING_BUSY,
        task.kernel_task_id,
    )
    assert (busy.current_task_sequence_number, busy.task_queue_size) == (task.sequence_number, 1)
    waiting = tasks.get_kernel_task(kernel.kernel_id, behind.kernel_task_id)
    assert (waiting.state, waiting.tasks_ahead_count) == (KernelTaskState.STATE_QUEUED, 1)
    tasks.cancel_kernel_task(*ids)
    ended = tasks.wait_task_completed(*ids, timeout_seconds=90)
    assert (ended.state, ended.error) == (KernelTaskState.STATE_CANCELLED, "")
    assert [one.std_out for one in tasks.list_all_kernel_task_messages(*ids)] == ["on\n"]
    done = tasks.wait_task_completed(kernel.kernel_id, behind.kernel_task_id)
    assert done.state is KernelTaskState.STATE_COMPLETE_SUCCESS
    assert refused(lambda: tasks.cancel_kernel_task(*ids)) == (400, "task_finished")


def test_tasks_are_listed_newest_first(clients: Clients, kernel: Kernel) -> None:
    made = [ran(clients, kernel, f"{number}") for number in range(3)]
    tasks = clients.kernel_task_client
    every = tasks.list_all_kernel_tasks(kernel.kernel_id)
    assert every[:3] == made[::-1]
    page = tasks.list_kernel_tasks(kernel.kernel_id, page_size=2)
    assert page.kernel_tasks == every[:2]
    following = tasks.list_kernel_tasks(
        kernel.kernel_id, page_size=1, page_token=page.next_page_token
    )
    assert following.kernel_tasks == every[2:3]


def test_a_terminated_kernel_keeps_what_was_said(clients: Clients) -> None:
    kernels, tasks = clients.kernel_client, clients.kernel_task_client
    kernel = kernels.create_kernel(
        kernel_image_id="python",
        kernel_template_id="default",
        environmental_variables={"SAID": "kept"},
    )
    assert kernel.environmental_variables == {"SAID": "kept"}
    said = ran(clients, kernel, "import os; print(os.environ['SAID'])")
    queued = [tasks.create_kernel_task(kernel.kernel_id, "import time; time.sleep(600)")]
    queued.append(tasks.create_kernel_task(kernel.kernel_id, "print('never')"))
    ended = kernels.terminate_kernel(kernel.kernel_id)
    assert ended.state in (KernelState.STATE_TERMINATING, KernelState.STATE_TERMINATED)
    assert kernels.terminate_kernel(kernel.kernel_id).kernel_id == kernel.kernel_id
    for task in queued:
        over = tasks.wait_task_completed(kernel.kernel_id, task.kernel_task_id, timeout_seconds=90)
        assert over.state is KernelTaskState.STATE_CANCELLED
    output = tasks.get_kernel_task_output(kernel.kernel_id, said.kernel_task_id)
    assert output.stdout == "kept\n"
    late = refused(lambda: tasks.create_kernel_task(kernel.kernel_id, "1"))
    assert late == (400, "kernel_ended")
    kernels.delete_kernel(kernel.kernel_id)
    kernels.wait_kernel_deleted(kernel.kernel_id, timeout_seconds=60)
    assert refused(lambda: kernels.get_kernel(kernel.kernel_id)) == (404, "kernel_not_found")


def test_lists_and_delete_all_are_about_ones_own_kernels(
    live: LiveServer, clients: Clients, kernel: Kernel
) -> None:
    with live.client() as yard:
        token = yard.tokens.create(f"user-{uuid4().hex[:8]}").token
    with h2o_notebook.login(live.url, platform_token=token) as others:
        kernels = others.kernel_client
        made = [
            kernels.create_kernel(kernel_image_id="python", kernel_template_id="default")
            for _ in range(3)
        ]
        shown = [one.kernel_id for one in kernels.list_all_kernels()]
        assert shown == [one.kernel_id for one in reversed(made)]
        page = kernels.list_kernels(page_size=2)
        rest = kernels.list_kernels(page_token=page.next_page_token)
        assert [one.kernel_id for one in (*page.kernels, *rest.kernels)] == shown
        assert not set(shown) & {one.kernel_id for one in clients.kernel_client.list_all_kernels()}
        assert refused(lambda: kernels.get_kernel(kernel.kernel_id))[0] in (403, 404)
        with pytest.raises(TimeoutException):
            kernels.wait_all_kernels_deleted(timeout_seconds=0.1)
        kernels.delete_all_kernels()
        kernels.wait_all_kernels_deleted(timeout_seconds=90)
        assert kernels.list_all_kernels() == []
    assert clients.kernel_client.get_kernel(kernel.kernel_id).display_name == "shared"


def test_what_is_not_there_is_404(clients: Clients, kernel: Kernel) -> None:
    kernels, tasks = clients.kernel_client, clients.kernel_task_client
    for call in (
        lambda: kernels.get_kernel(NOBODY),
        lambda: kernels.delete_kernel("../etc/passwd"),
        lambda: kernels.terminate_kernel("x" * 300),
        lambda: tasks.create_kernel_task(NOBODY, "1"),
        lambda: tasks.get_kernel_task(NOBODY, NOBODY),
    ):
        assert refused(call) == (404, "kernel_not_found")
    assert refused(lambda: tasks.get_kernel_task(kernel.kernel_id, NOBODY))[0] == 404
    task = ran(clients, kernel, "1")
    assert refused(lambda: tasks.get_kernel_task(NOBODY, task.kernel_task_id))[0] == 404
    kernels.wait_kernel_deleted(NOBODY)


def test_images_have_further_names(clients: Clients) -> None:
    images = clients.kernel_image_client
    every = images.list_all_kernel_images()
    assert every[0] == images.get_kernel_image("python")
    assert images.get_kernel_image(every[0].image).kernel_image_id == "python"
    made = images.create_kernel_image("science", "python", display_name="Science")
    assert (made.kernel_image_id, made.display_name) == ("science", "Science")
    assert made.kernel_image_type is KernelImageType.TYPE_PYTHON
    assert refused(lambda: images.create_kernel_image("science", "python"))[0] == 409
    assert images.update_kernel_image("science", disabled=True).disabled
    kernels = clients.kernel_client
    made_of = {"kernel_image_id": "science", "kernel_template_id": "default"}
    assert refused(lambda: kernels.create_kernel(**made_of))[0] == 409
    with pytest.raises(InvalidArgumentException, match="TYPE_PYTHON"):
        images.create_kernel_image("r", "python", KernelImageType.TYPE_R)
    names, token = [], ""
    while True:
        page = images.list_kernel_images(page_size=1, page_token=token)
        names += [one.kernel_image_id for one in page.kernel_images]
        token = page.next_page_token
        if not token:
            break
    assert sorted(names) == sorted([*(one.kernel_image_id for one in every), "science"])
    images.delete_all_kernel_images()
    assert images.list_all_kernel_images() == every
    assert refused(lambda: images.delete_kernel_image("science"))[0] == 404


def test_python_may_be_given_to_another_image(clients: Clients) -> None:
    images = clients.kernel_image_client
    own = images.get_kernel_image("python").image
    images.create_kernel_image("python", "ir" if _has(clients, "ir") else own, _type(clients))
    try:
        listed = {one.kernel_image_id: one.image for one in images.list_all_kernel_images()}
        assert listed["python3"] == own
        assert "python" in listed
    finally:
        images.delete_kernel_image("python")
    assert "python3" not in {one.kernel_image_id for one in images.list_all_kernel_images()}


def _has(clients: Clients, name: str) -> bool:
    every = clients.kernel_image_client.list_all_kernel_images()
    return any(one.kernel_image_id == name and not one.disabled for one in every)


def _type(clients: Clients) -> KernelImageType:
    return KernelImageType.TYPE_R if _has(clients, "ir") else KernelImageType.TYPE_PYTHON


def test_templates_are_kept_as_they_were_written(clients: Clients) -> None:
    templates = clients.kernel_template_client
    made = templates.create_kernel_template(
        "small",
        milli_cpu_limit=500,
        milli_cpu_request=250,
        memory_bytes_limit="1500M",
        memory_bytes_request="1Gi",
        storage_bytes="10Gi",
        storage_class_name="fast",
        yaml_pod_template_spec=POD,
        max_idle_duration="10m",
        environmental_variables={"A": "1"},
    )
    assert templates.get_kernel_template("small") == made
    assert (made.memory_bytes_limit, made.storage_bytes) == ("1500M", "10Gi")
    assert (made.max_idle_duration, made.environmental_variables) == ("10m", {"A": "1"})
    assert (made.milli_cpu_request, made.memory_bytes_request) == (250, "1Gi")
    assert (made.storage_class_name, made.gpu_resource) == ("fast", "nvidia.com/gpu")
    assert made.yaml_pod_template_spec == POD
    assert templates.list_all_kernel_templates()[0] == made
    first = templates.list_kernel_templates(page_size=1)
    assert first.kernel_templates == [made]
    assert first.next_page_token == "small"
    assert refused(lambda: templates.create_kernel_template("small"))[0] == 409
    kernel = clients.kernel_client.create_kernel(
        kernel_image_id="python", kernel_template_id="small"
    )
    assert kernel.kernel_template_info.memory_bytes_limit == "1500M"
    assert kernel.kernel_template_info.yaml_pod_template_spec == POD
    assert kernel.kernel_template_info.template_environmental_variables == {"A": "1"}
    clients.kernel_client.delete_kernel(kernel.kernel_id)
    templates.delete_kernel_template("small")
    assert refused(lambda: templates.get_kernel_template("small"))[0] == 404


def test_impossible_templates_are_refused(clients: Clients) -> None:
    create = clients.kernel_template_client.create_kernel_template
    with pytest.raises(InvalidArgumentException):
        create("odd", memory_bytes_limit="1.5Gi")
    with pytest.raises(InvalidArgumentException):
        create("odd", max_idle_duration="forever")
    assert refused(lambda: create("odd", memory_bytes_limit="1Mi"))[0] == 400
    assert refused(lambda: create("odd", milli_cpu_limit=-1))[0] == 400
    assert refused(lambda: create("../odd"))[0] == 400
    assert refused(lambda: create("odd", yaml_pod_template_spec="spec: [1, 2"))[0] == 400


def test_what_a_yard_has_no_words_for_is_refused_and_not_dropped(
    clients: Clients, kernel: Kernel
) -> None:
    for call in (
        lambda: clients.kernel_client.create_kernel(
            kernel_image_id="python", kernel_template_id="default", kernel_id="mine"
        ),
        lambda: clients.kernel_task_client.create_kernel_task(
            kernel.kernel_id, "1", kernel_task_id="mine"
        ),
        lambda: clients.kernel_image_client.apply_kernel_images([]),
        lambda: clients.kernel_template_client.apply_kernel_templates([]),
        lambda: clients.notebook_kernel_spec_client.list_all_notebook_kernel_specs(),
    ):
        with pytest.raises(NotSupportedException) as caught:
            call()
        assert caught.value.status == 501


def test_a_picture_is_bytes_that_base64_decodes(clients: Clients, kernel: Kernel) -> None:
    pixel = base64.b64encode(b"\x89PNG\r\n\x1a\n-a-pixel").decode()
    code = (
        "from IPython.display import display\n"
        f"display({{'image/png': '{pixel}', 'text/plain': 'a pixel'}}, raw=True)"
    )
    task = ran(clients, kernel, code)
    (message,) = clients.kernel_task_client.list_all_kernel_task_messages(
        kernel.kernel_id, task.kernel_task_id
    )
    assert message.display_message is not None
    data = message.display_message.display_message_data
    assert base64.b64decode(data["image/png"]) == b"\x89PNG\r\n\x1a\n-a-pixel"
    assert data["text/plain"] == b"a pixel"
