"""Release 0.4.1, whose addresses have no workspaces: the document's first two examples run word for word."""

from __future__ import annotations

from tests.support.live_server import LiveServer
from tests.support.published_h2o import PublishedClient

FIRST = """
import h2o_notebook

from h2o_notebook.clients.kernel_image.type import KernelImageType

clients = h2o_notebook.login()

all_images = clients.kernel_image_client.list_all_kernel_images()
images = [i for i in all_images if i.kernel_image_type == KernelImageType.TYPE_PYTHON]
print(images)
"""
SECOND = """
import h2o_notebook

clients = h2o_notebook.login()

my_template = clients.kernel_template_client.create_kernel_template(
    kernel_template_id="my-template-3",
    milli_cpu_limit=4000,  # 4 CPUs
    gpu=0,
    memory_bytes_limit="1Gi",
    max_idle_duration="1h",
    environmental_variables={"MY_ENV_VAR": "my-value"},
)
"""
ALL = """
from h2o_notebook.clients.kernel_image.type import KernelImageType

images, templates = clients.kernel_image_client, clients.kernel_template_client
specs = clients.notebook_kernel_spec_client
made = images.create_kernel_image(
    kernel_image_id="mine", kernel_image_type=KernelImageType.TYPE_R, image="a/b:1"
)
print("told:", made.name, images.get_kernel_image("mine").image)
spec = specs.create_notebook_kernel_spec(
    notebook_kernel_spec_id="one",
    kernel_image_id="mine",
    kernel_template_id="my-template-3",
)
print("told:", spec.name, specs.list_all_notebook_kernel_specs()[0].name)
specs.delete_notebook_kernel_spec("one")
images.delete_kernel_image("mine")
templates.delete_kernel_template("my-template-3")
left = [one.name for one in templates.list_all_kernel_templates()]
print("told:", "kernelTemplates/my-template-3" in left)
"""


def test_the_first_two_examples_run_word_for_word(
    old_h2o: PublishedClient, live: LiveServer
) -> None:
    assert "kernelImages/python" in old_h2o.printed(FIRST)
    old_h2o.printed(SECOND)
    with live.client() as yard:
        template = yard.templates.get("my-template-3")
    assert template.memory_bytes_limit == 1024**3
    assert template.max_idle_duration == 3600
    told = old_h2o.printed(f"import h2o_notebook\nclients = h2o_notebook.login()\n{ALL}")
    assert [line for line in told.splitlines() if line.startswith("told:")] == [
        "told: kernelImages/mine a/b:1",
        "told: notebookKernelSpecs/one notebookKernelSpecs/one",
        "told: False",
    ]
