"""Real Jupyter applications start their kernels in the yard, by an ordinary kernelspec."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import nbformat
import pytest
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.manager import AsyncKernelManager

from kernelyard import Client
from kernelyard.client import Kernel
from kernelyard.provisioner.provisioner import YardProvisioner

from tests.support.live_server import LiveServer, alive, wait_until

NBCLIENT = """
import sys, nbformat, nbclient
notebook = nbformat.read(sys.argv[1], 4)
nbclient.NotebookClient(notebook, kernel_name=sys.argv[3], timeout=40).execute()
nbformat.write(notebook, sys.argv[2])
"""
PAPERMILL = "from papermill.cli import papermill; papermill()"
IN_KERNEL = "import os; print(os.environ['KERNELYARD_KERNEL_ID'], os.environ.get('GREETING'))"

Say = Callable[[str], Awaitable[str]]


@pytest.fixture
def jupyter(live: LiveServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Jupyter directories of the test's own, with a kernelspec of the shared server."""
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.setenv("KERNELYARD_TOKEN", live.token)
    monkeypatch.delenv("KERNELYARD_URL", raising=False)
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "share" / "jupyter"))
    flags = ("--url", live.url, "--env", "GREETING=hello", "--prefix", str(tmp_path))
    done = live.cli("kernelspec", "install", *flags)
    assert done.returncode == 0, done.stderr
    return tmp_path


@pytest.fixture
async def manager(jupyter: Path) -> AsyncIterator[AsyncKernelManager]:
    """A kernel manager as applications have one, with a kernel that runs."""
    made = AsyncKernelManager(kernel_name="yard-python3")
    await made.start_kernel()
    try:
        yield made
    finally:
        if made.has_kernel:
            await made.shutdown_kernel()
        await made.cleanup_resources()


@pytest.fixture
async def client(manager: AsyncKernelManager) -> AsyncIterator[AsyncKernelClient]:
    """A client that is attached all the time."""
    made = manager.client()
    made.start_channels()
    try:
        await made.wait_for_ready(timeout=40)
        yield made
    finally:
        made.stop_channels()


@pytest.fixture
def say(client: AsyncKernelClient) -> Say:
    """What code prints or raises."""

    async def said(code: str) -> str:
        heard: list[str] = []

        def hear(message: dict[str, dict[str, str]]) -> None:
            content = message["content"]
            heard.append(content.get("text") or content.get("ename") or "")

        await client.execute_interactive(code, output_hook=hear, timeout=40)
        return "".join(heard)

    return said


def notebook(place: Path, *codes: str) -> Path:
    """Write a notebook."""
    cells = [nbformat.v4.new_code_cell(code) for code in codes]
    made = nbformat.v4.new_notebook(
        cells=cells, metadata={"kernelspec": {"name": "elsewhere", "display_name": "Elsewhere"}}
    )
    file = place / "in.ipynb"
    nbformat.write(made, file)
    return file


def by_nbclient(file: Path, out: Path) -> list[str]:
    return [sys.executable, "-c", NBCLIENT, str(file), str(out), "yard-python3"]


def by_papermill(file: Path, out: Path) -> list[str]:
    return [sys.executable, "-c", PAPERMILL, str(file), str(out), "-k", "yard-python3"]


@pytest.mark.parametrize("command", [by_nbclient, by_papermill])
def test_a_notebook_is_executed_in_the_yard(
    command: Callable[[Path, Path], list[str]], jupyter: Path, yard: Client
) -> None:
    out = jupyter / "out.ipynb"
    beside = jupyter / "project"
    beside.mkdir()
    (beside / "data.txt").write_text("beside it")
    file = notebook(jupyter, IN_KERNEL, "6 * 7", "print(open('data.txt').read())")
    done = subprocess.run(
        command(file, out), cwd=beside, capture_output=True, text=True, timeout=55, check=False
    )
    assert done.returncode == 0, done.stderr
    cells = nbformat.read(out, 4).cells
    kernel_id, greeting = cells[0].outputs[0]["text"].split()
    assert greeting == "hello"
    assert cells[1].outputs[0]["data"]["text/plain"] == "42"
    assert cells[2].outputs[0]["text"] == "beside it\n"
    assert "HTTP Request" not in done.stderr
    kernel = yard.kernels.get(kernel_id).wait_ended(20)
    assert (kernel.state, kernel.info.cause) == ("terminated", "asked")


def test_a_notebook_that_raises_ends_its_kernel_too(
    jupyter: Path, yard: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JPY_SESSION_NAME", "/reports/in.ipynb")
    file = notebook(jupyter, IN_KERNEL, "1/0")
    done = subprocess.run(
        by_nbclient(file, jupyter / "out.ipynb"),
        cwd=jupyter,
        capture_output=True,
        text=True,
        timeout=55,
        check=False,
    )
    assert "ZeroDivisionError" in done.stderr
    (newest, *_) = yard.kernels.list(page_size=1)
    assert newest.wait_ended(20).state == "terminated"
    assert (newest.info.path, newest.info.display_name) == (
        f"{jupyter}/./in.ipynb",
        "in.ipynb",
    )


async def test_a_kernel_is_seen_in_the_yard_and_keeps_its_id_and_ports_over_restarts(
    manager: AsyncKernelManager, say: Say, client: AsyncKernelClient, yard: Client
) -> None:
    kernel_id = (await say(IN_KERNEL)).split()[0]
    assert yard.kernels.get(kernel_id).state in ("idle", "busy")
    assert await say("kept = 42\nprint(kept)") == "42\n"
    ports = manager.ports
    assert await say("import os; print(os.getcwd())") == f"{os.getcwd()}\n"  # noqa: PTH109
    await manager.restart_kernel()
    await client.wait_for_ready(timeout=40)
    assert await say("import os; print(os.getcwd())") == f"{os.getcwd()}\n"  # noqa: PTH109
    assert manager.ports == ports
    assert await say("print(kept)") == "NameError"
    assert (await say(IN_KERNEL)).split()[0] == kernel_id
    assert yard.kernels.get(kernel_id).info.restarts == 1
    await manager.shutdown_kernel()
    assert yard.kernels.get(kernel_id).wait_ended(20).state == "terminated"


async def test_what_runs_is_interrupted(
    manager: AsyncKernelManager, say: Say, jupyter: Path
) -> None:
    flag = jupyter / "here"
    code = f"import time\nopen({str(flag)!r}, 'w').close()\nfor _ in range(300): time.sleep(0.1)"
    saying = asyncio.create_task(say(code))
    await asyncio.to_thread(wait_until, flag.exists, 40)
    await manager.interrupt_kernel()
    assert await saying == "KeyboardInterrupt"


async def test_other_signals_reach_the_kernel_too(manager: AsyncKernelManager, say: Say) -> None:
    await say(
        "import signal\nheard = []\nsignal.signal(signal.SIGUSR1, lambda *_: heard.append(1))"
    )
    await manager.signal_kernel(signal.SIGUSR1)
    assert await say("print(heard)") == "[1]\n"


async def test_an_application_learns_that_its_kernel_has_died_and_starts_another(
    manager: AsyncKernelManager, say: Say, yard: Client
) -> None:
    kernel_id = (await say(IN_KERNEL)).split()[0]
    os.kill(int(await say("import os; print(os.getpid())")), signal.SIGKILL)
    async with asyncio.timeout(20):
        while await manager.is_alive():
            await asyncio.sleep(0.05)
    assert yard.kernels.get(kernel_id).info.cause == "died"
    await manager.restart_kernel(now=True)
    again = manager.client()
    again.start_channels()
    try:
        await again.wait_for_ready(timeout=40)
    finally:
        again.stop_channels()
    (newest, *_) = yard.kernels.list(page_size=1)
    assert newest.id != kernel_id


async def test_an_application_whose_kernel_was_deleted_learns_of_it_and_starts_another(
    manager: AsyncKernelManager, say: Say, yard: Client
) -> None:
    kernel = yard.kernels.get((await say(IN_KERNEL)).split()[0])
    kernel.delete()
    assert not await manager.is_alive()
    await manager.restart_kernel(now=True)
    assert await manager.is_alive()
    (newest, *_) = yard.kernels.list(page_size=1)
    assert newest.id != kernel.id


async def test_a_kernel_that_is_killed_is_gone_and_another_one_started(
    manager: AsyncKernelManager, say: Say, yard: Client
) -> None:
    kernel = yard.kernels.get((await say(IN_KERNEL)).split()[0])
    pid = int(await say("import os; print(os.getpid())"))
    await manager.restart_kernel(now=True)
    assert kernel.wait_ended(20).state == "terminated"
    assert not alive(pid)
    (another, *_) = yard.kernels.list(page_size=1)
    assert another.id != kernel.id
    await manager.shutdown_kernel(now=True)
    assert another.wait_ended(20).state == "terminated"


async def test_another_process_takes_up_the_kernel_from_what_was_written_down(
    manager: AsyncKernelManager, say: Say, yard: Client
) -> None:
    kernel = yard.kernels.get((await say(IN_KERNEL)).split()[0])
    assert manager.provisioner is not None
    info = await manager.provisioner.get_provisioner_info()
    assert "KERNELYARD_TOKEN" not in str(info)
    assert os.environ["KERNELYARD_TOKEN"] not in str(info)
    other = YardProvisioner(kernel_spec=manager.kernel_spec, url=yard.url)
    await other.load_provisioner_info(info)
    assert await other.poll() is None
    await other.terminate()
    assert await other.wait() == 0
    await other.cleanup()
    assert kernel.refresh().state == "terminated"


def test_an_application_that_is_killed_leaves_its_kernel_to_the_yard(
    jupyter: Path, yard: Client
) -> None:
    flag = jupyter / "here"
    file = notebook(jupyter, f"open({str(flag)!r}, 'w').close()\nimport time\ntime.sleep(600)")
    with subprocess.Popen(
        by_nbclient(file, jupyter / "out.ipynb"), stderr=subprocess.DEVNULL
    ) as application:
        wait_until(flag.exists, 40)
        application.kill()
    (kernel, *_) = yard.kernels.list(page_size=1)
    assert _runs_on(kernel)
    kernel.terminate()
    kernel.wait_ended(20)


@pytest.mark.parametrize(
    ("config", "text"),
    [
        ({"image": "no-such-image"}, "There is no image named 'no-such-image'"),
        ({"template": "no-such-template"}, "no-such-template"),
        ({"url": "http://192.0.2.1:8700"}, "is not on this machine"),
        ({"url": "http://127.0.0.1:9"}, "http://127.0.0.1:9"),
        ({"url": "ftp://yard"}, "is no server's address"),
    ],
)
async def test_a_start_that_fails_says_why(
    jupyter: Path, config: dict[str, str], text: str
) -> None:
    file = jupyter / "share" / "jupyter" / "kernels" / "yard-python3" / "kernel.json"
    content = json.loads(file.read_text())
    content["metadata"]["kernel_provisioner"]["config"] |= config
    file.write_text(json.dumps(content))
    manager = AsyncKernelManager(kernel_name="yard-python3")
    with pytest.raises(RuntimeError, match="could not be started in the yard") as failed:
        await manager.start_kernel()
    await manager.cleanup_resources()
    assert text in str(failed.value)


async def test_the_server_of_a_data_directory_needs_no_token_beside_it(
    live: LiveServer, jupyter: Path, yard: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KERNELYARD_TOKEN")
    flags = ("--data-dir", str(live.data_dir), "--prefix", str(jupyter), "--replace")
    done = live.cli("kernelspec", "install", *flags)
    assert done.returncode == 0, done.stderr
    manager = AsyncKernelManager(kernel_name="yard-python3")
    await manager.start_kernel()
    (newest, *_) = yard.kernels.list(page_size=1)
    assert newest.state == "idle"
    await manager.shutdown_kernel()
    assert newest.wait_ended(20).state == "terminated"


def test_a_kernelspec_has_a_logo_and_no_token(live: LiveServer, tmp_path: Path) -> None:
    done = live.cli("kernelspec", "install", "--prefix", str(tmp_path), "--name", "again")
    assert done.returncode == 0, done.stderr
    kernelspec = tmp_path / "share" / "jupyter" / "kernels" / "again"
    names = {file.name for file in kernelspec.iterdir()}
    assert {"kernel.json", "logo-64x64.png"} <= names
    assert "KERNELYARD_TOKEN" not in (kernelspec / "kernel.json").read_text()
    assert live.token not in (kernelspec / "kernel.json").read_text()


def _runs_on(kernel: Kernel) -> bool:
    return not kernel.refresh().info.is_final
