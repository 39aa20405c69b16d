"""Every code block of the guide runs on a yard, with one change: where the package comes from."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from kernelyard.compat import h2o_notebook

from tests.support.guide_blocks import as_python, guide_blocks, with_our_import
from tests.support.live_server import LiveServer

pytestmark = [pytest.mark.journey, pytest.mark.timeout(240)]
BLOCKS = guide_blocks()
PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Ran:
    """What a block printed, and where it ran."""

    printed: str
    place: Path


@pytest.fixture(scope="module")
def ran(
    live: LiveServer, clients: h2o_notebook.Clients, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Ran]]:
    """What became of the block under a heading; all of them run beside each other."""
    clients.kernel_template_client.create_kernel_template("my-template")
    # The first import of matplotlib in a home may take long, and says so on stderr.
    subprocess.run([sys.executable, "-c", "import matplotlib.pyplot"], check=True, timeout=120)
    env = user_of(live, tmp_path_factory.mktemp("bin"))
    started = {}
    for heading, block in BLOCKS.items():
        place = tmp_path_factory.mktemp("block")
        (place / "block.py").write_text(with_our_import(as_python(block)), "utf-8")
        with (place / "printed.txt").open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "block.py"], cwd=place, env=env, stdout=out, stderr=out
            )
        started[heading] = (process, place)

    def told(heading: str) -> Ran:
        process, place = started[heading]
        code = process.wait(timeout=200)
        printed = (place / "printed.txt").read_text("utf-8")
        assert code == 0, printed
        return Ran(printed, place)

    yield told
    for process, _ in started.values():
        if process.poll() is None:
            process.kill()
            process.wait(timeout=10)


def user_of(live: LiveServer, programs: Path) -> dict[str, str]:
    """The environment of a user of the server, whose ``open`` says what it was to show."""
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("KERNELYARD_", "H2O"))
    }
    (programs / "open").write_text('#!/bin/sh\necho "opened $1"\n')
    (programs / "open").chmod(0o755)
    return kept | {
        "KERNELYARD_URL": live.url,
        "KERNELYARD_TOKEN": live.token,
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
    }


def test_the_copy_has_each_block_of_the_guide() -> None:
    assert len(BLOCKS) == 7
    assert all("h2o_notebook.login()" in block for block in BLOCKS.values())


def test_only_imports_change() -> None:
    for block in BLOCKS.values():
        before = as_python(block)
        after = with_our_import(before)
        changed = [
            line
            for line, ours in zip(before.splitlines(), after.splitlines(), strict=True)
            if line != ours
        ]
        assert set(changed) <= {
            "import h2o_notebook",
            "from h2o_notebook.clients.kernel_image.type import KernelImageType",
        }
        ast.parse(after)


def test_kernel_images(ran: Callable[[str], Ran]) -> None:
    printed = ran("Retrieving Kernel Images").printed
    assert printed.startswith("[KernelImage(kernel_image_id='python',")
    assert "TYPE_R:" not in printed


def test_a_kernel_template(ran: Callable[[str], Ran], clients: h2o_notebook.Clients) -> None:
    assert ran("Defining Kernel Templates").printed == ""
    made = clients.kernel_template_client.get_kernel_template("my-template-3")
    assert (made.milli_cpu_limit, made.gpu, made.memory_bytes_limit) == (4000, 0, "1Gi")
    assert made.max_idle_duration == "1h"
    assert made.environmental_variables == {"MY_ENV_VAR": "my-value"}


def test_a_kernel_is_made_terminated_and_deleted(
    ran: Callable[[str], Ran], clients: h2o_notebook.Clients
) -> None:
    printed = ran("Creating Kernel").printed
    assert "display_name='My First Kernel'" in printed
    assert "kernel_image_id='python', kernel_template_id='my-template'" in printed
    assert "environmental_variables={'ANOTHER_ENV_VAR': 'my-value'}" in printed
    assert "STATE_STARTING" in printed
    names = [kernel.display_name for kernel in clients.kernel_client.list_all_kernels()]
    assert "My First Kernel" not in names


def test_a_task_is_queued_and_waited_for(ran: Callable[[str], Ran]) -> None:
    before, after = ran("Submitting Kernel Tasks").printed.splitlines()
    assert re.search("STATE_QUEUED|STATE_EXECUTING", before)
    assert "STATE_COMPLETE_SUCCESS" in after
    assert "sequence_number=1" in before
    assert "sequence_number=1" in after


def test_a_cancelled_task_lets_the_next_one_run(ran: Callable[[str], Ran]) -> None:
    (printed,) = ran("Cancelling a Kernel Task").printed.splitlines()
    assert "STATE_COMPLETE_SUCCESS" in printed
    assert "sequence_number=2" in printed


def test_standard_output_comes_in_pieces(ran: Callable[[str], Ran]) -> None:
    task, output = ran("Retrieving Kernel Task standard output").printed.splitlines()
    assert "STATE_COMPLETE_SUCCESS" in task
    pieces = re.findall(r"std_out='(.*?)', std_err=None, display_message=None", output)
    said = "".join(pieces).replace(r"\n", "\n")
    assert said == "".join(f"Hello for the {n} time!\n" for n in range(10))
    assert len(pieces) > 1


def test_a_plot_is_written_to_a_file(ran: Callable[[str], Ran]) -> None:
    block = ran("Retrieving Kernel Task display output")
    assert sorted(re.findall("<Figure size|opened plot.png", block.printed)) == [
        "<Figure size",
        "opened plot.png",
    ]
    assert (block.place / "plot.png").read_bytes().startswith(PNG)


def test_no_kernel_of_the_guide_is_left(
    ran: Callable[[str], Ran], clients: h2o_notebook.Clients
) -> None:
    for heading in BLOCKS:
        ran(heading)
    clients.kernel_client.wait_all_kernels_deleted(timeout_seconds=60)
    assert clients.kernel_client.list_all_kernels() == []
