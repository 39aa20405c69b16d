"""Kernelspecs that name a provisioner, through an agent: real provisioners from PyPI and strange ones."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from kernelyard.model.projection import body_of
from kernelyard.model.records import RecordKind
from kernelyard.wire import link

from tests.support import misfit_provisioners
from tests.support.agent_process import (
    AgentProcess,
    end_of,
    ended,
    last_body,
    of_kind,
    says,
    stdout_of,
    wait_until,
)

ROOT = Path(__file__).parents[3]
PID = "import os; print(os.getpid())"


@pytest.fixture
def jupyter(tmp_path: Path) -> Path:
    """A directory of the Jupyter path, for kernelspecs."""
    return tmp_path / "jupyter"


@pytest.fixture
async def agent(tmp_path: Path, jupyter: Path) -> AsyncIterator[AgentProcess]:
    """An agent with the cast installed, beside what really is."""
    site = misfit_provisioners.install(tmp_path / "site")
    paths = [str(site), str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    env = {
        "JUPYTER_PATH": str(jupyter),
        "PYTHONPATH": os.pathsep.join(paths),
        "EXISTING_CONNECTION_FILE": str(tmp_path / "theirs.json"),
    }
    process = AgentProcess(tmp_path / "data", env=env)
    try:
        await process.start()
        yield process
    finally:
        await process.clean_up()


@pytest.fixture
def theirs(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A kernel that somebody else has started."""
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", str(tmp_path / "theirs.json")]
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, start_new_session=True, **silent) as process:
        yield process
        process.kill()


def named(jupyter: Path, provisioner: str, **config: object) -> str:
    """Write a kernelspec that names a provisioner; return its name."""
    content = misfit_provisioners.kernel_json(provisioner, **config)
    misfit_provisioners.write_kernelspec(jupyter, provisioner, content)
    return provisioner


async def run(agent: AgentProcess, kernel: str, code: str, seq: int = 1) -> str:
    """What a task prints."""
    await agent.submit(kernel, code, first=seq)
    records = await agent.records(kernel, until=ended(seq))
    assert end_of(records, seq)["state"] == "succeeded", end_of(records, seq)
    return stdout_of(records, seq)


@pytest.mark.parametrize("provisioner", ["configured", "foreign"])
async def test_a_provisioned_kernel_runs_is_interrupted_restarted_and_stopped(
    agent: AgentProcess, jupyter: Path, provisioner: str
) -> None:
    kernel = await agent.launch(named(jupyter, provisioner))
    first = await run(agent, kernel, PID)
    await agent.submit(kernel, "print('here', flush=True)\nimport time\ntime.sleep(600)", first=2)
    await agent.records(kernel, until=says("here"))
    await agent.ask(link.Interrupt(kernel))
    records = await agent.records(kernel, until=ended(2))
    assert end_of(records, 2)["error"]["name"] == "KeyboardInterrupt"
    await agent.done(link.Restart(kernel, attempt=2, reason="afresh"))
    second = await run(agent, kernel, PID, seq=3)
    assert first != second
    await agent.done(link.Stop(kernel, "enough"))
    await agent.records(kernel)
    await wait_until(lambda: not any(map(_lives, (int(first), int(second)))))


async def test_jupyters_own_provisioner_may_be_named_with_a_config(
    agent: AgentProcess, jupyter: Path
) -> None:
    kernel = await agent.launch(named(jupyter, "local-provisioner", colour="blue"))
    assert await run(agent, kernel, "print(6 * 7)") == "42\n"
    log = (agent.folder(kernel) / "kernel.log").read_text()
    assert "'colour', which the kernel provisioner 'local-provisioner' does not know" in log


async def test_a_project_of_its_own_is_found_beside_the_notebook(
    agent: AgentProcess, tmp_path: Path
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    venv = json.dumps(sys.prefix)
    (project / "pyproject.toml").write_text(
        f'[tool.pyproject-local-kernel]\nuse-venv = {venv}\n[project]\nname = "project"\n'
    )
    kernel = await agent.launch("pyproject_local_kernel", path=str(project / "a.ipynb"))
    assert await run(agent, kernel, "import os; print(os.getcwd())") == f"{project}\n"


async def test_a_provisioner_may_show_its_error_by_a_kernel(agent: AgentProcess) -> None:
    kernel = await agent.launch("pyproject_local_kernel")
    await agent.submit(kernel, "print(1)")
    records = await agent.records(kernel, until=ended(1))
    assert "no pyproject.toml" in json.dumps([body_of(record) for record in records])


async def test_a_kernel_of_somebody_else_is_joined_by_its_provisioner(
    agent: AgentProcess,
    jupyter: Path,
    tmp_path: Path,
    theirs: subprocess.Popen[bytes],
) -> None:
    await wait_until((tmp_path / "theirs.json").exists)
    kernel = await agent.launch(named(jupyter, "existing-provisioner"))
    assert int(await run(agent, kernel, PID)) == theirs.pid
    # As in every application of Jupyter: who stops it ends it.
    await agent.done(link.Stop(kernel, "enough"))
    await agent.records(kernel)
    await wait_until(lambda: theirs.poll() is not None)


@pytest.mark.parametrize("provisioner", ["configured", "foreign"])
async def test_a_provisioned_kernel_survives_its_agent(
    agent: AgentProcess, jupyter: Path, provisioner: str
) -> None:
    kernel = await agent.launch(named(jupyter, provisioner))
    pid = int(await run(agent, kernel, f"kept = 42\n{PID}"))
    agent.kill()
    await agent.start()
    assert await run(agent, kernel, "print(kept)", seq=2) == "42\n"
    os.kill(pid, signal.SIGKILL)
    body = last_body(await agent.records(kernel))
    assert body["cause"] == "died"


async def test_a_provisioned_kernel_that_dies_is_told_with_its_signal(
    agent: AgentProcess, jupyter: Path
) -> None:
    kernel = await agent.launch(named(jupyter, "configured"))
    pid = int(await run(agent, kernel, PID))
    os.kill(pid, signal.SIGKILL)
    body = last_body(await agent.records(kernel))
    assert (body["cause"], body["signal"]) == ("died", "SIGKILL")


@pytest.mark.parametrize(
    ("provisioner", "text"),
    [
        ("raises", "The queue 'night' is closed. Choose another."),
        ("returns-nothing", "returned without a kernel"),
        ("lies", "does not"),
        ("hangs", "did not answer within 2 s"),
        ("not-there", "entry point 'not-there'"),
    ],
)
async def test_a_start_that_fails_says_why_and_leaves_nothing(
    agent: AgentProcess, jupyter: Path, provisioner: str, text: str
) -> None:
    kernel = await agent.launch(named(jupyter, provisioner), start_timeout_seconds=2.0)
    body = last_body(await agent.records(kernel))
    assert body["cause"] == "start_failed"
    assert text in body["reason"]
    assert "Traceback" not in body["reason"]
    await wait_until(lambda: not _begun(agent, kernel))


async def test_a_provisioner_that_is_installed_later_needs_no_new_agent(
    agent: AgentProcess, jupyter: Path, tmp_path: Path
) -> None:
    named(jupyter, "later")
    images = (await agent.ask(link.Images(refresh=True))).images
    (before,) = [image for image in images if image.name == "later"]
    assert "entry point 'later'" in (before.problem or "")
    entry_points = next((tmp_path / "site").glob("*.dist-info")) / "entry_points.txt"
    with entry_points.open("a") as file:
        file.write(f"later = {misfit_provisioners.__name__}:Configured\n")
    images = (await agent.ask(link.Images(refresh=True))).images
    (after,) = [image for image in images if image.name == "later"]
    assert after.problem is None
    kernel = await agent.launch("later")
    assert await run(agent, kernel, "print(6 * 7)") == "42\n"


async def test_one_that_blocks_holds_up_no_other_kernel(agent: AgentProcess, jupyter: Path) -> None:
    blocked = await agent.launch(named(jupyter, "blocks"))
    other = await agent.launch()
    await agent.submit(blocked, "print('here', flush=True)\nimport time\ntime.sleep(600)")
    await agent.records(blocked, until=says("here"))
    await agent.ask(link.Interrupt(blocked))
    assert await run(agent, other, "print(6 * 7)") == "42\n"
    await agent.done(link.Stop(blocked, "enough"))
    records = await agent.records(blocked)
    assert any(map(of_kind(RecordKind.KERNEL_ENDED), records))


def _lives(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


def _begun(agent: AgentProcess, kernel: str) -> bool:
    noted = agent.folder(kernel) / "work" / "begun"
    return noted.exists() and _lives(int(noted.read_text()))
