"""Kernels really run in virtual and conda environments, activated, from images that an agent finds."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kernelyard.model.errors import ImageNotReady
from kernelyard.wire import link

from tests.support.agent_process import (
    AgentProcess,
    ended,
    fault_in,
    last_body,
    stdout_of,
)
from tests.support.environments import (
    a_conda_environment,
    a_kernelspec,
    a_program,
    a_virtualenv,
    only_here,
    sees_ours,
)

SHOW = """
import json, os, shutil, sys
names = "VIRTUAL_ENV CONDA_PREFIX CONDA_DEFAULT_ENV GDAL_DATA MINE PYTHONHOME GIVEN".split()
print(json.dumps({
    "prefix": sys.prefix, "python": shutil.which("python"), "tool": shutil.which("the-tool"),
    **{name: os.environ.get(name) for name in names},
}))
"""


@pytest.fixture
async def agent(tmp_path: Path) -> AsyncIterator[AgentProcess]:
    """An agent with a home of its own, itself started from an environment that is activated."""
    home = tmp_path / "home"
    home.mkdir()
    env = only_here(home) | {"VIRTUAL_ENV": "/other", "CONDA_PREFIX": "/another"}
    process = AgentProcess(tmp_path / "data", env=env)
    try:
        await process.start()
        yield process
    finally:
        await process.clean_up()


async def images_of(agent: AgentProcess) -> dict[str, str | None]:
    """Problems of all images that are not kernelspecs, by reference."""
    images = await agent.ask(link.Images(refresh=True))
    assert isinstance(images, link.ImageList)
    assert images.broken == []
    return {image.reference: image.problem for image in images.images}


async def shown_by(agent: AgentProcess, provider: str, image: str, **order: object) -> dict:
    """What code finds around it on a kernel of an image."""
    kernel_id = await agent.launch(image, provider=provider, **order)
    await agent.submit(kernel_id, SHOW)
    records = await agent.records(kernel_id, until=ended(1))
    return json.loads(stdout_of(records, 1))


async def test_a_kernel_runs_in_a_virtual_environment(agent: AgentProcess, tmp_path: Path) -> None:
    prefix = a_virtualenv(tmp_path / "home" / ".virtualenvs" / "science")
    a_program(prefix / "bin" / "the-tool")
    assert (await images_of(agent))["virtualenv/science"] is None
    shown = await shown_by(agent, "virtualenv", "science", environment={"GIVEN": "1"})
    assert shown == {
        "prefix": str(prefix),
        "python": str(prefix / "bin" / "python"),
        "tool": str(prefix / "bin" / "the-tool"),
        "VIRTUAL_ENV": str(prefix),
        "CONDA_PREFIX": None,
        "CONDA_DEFAULT_ENV": None,
        "GDAL_DATA": None,
        "MINE": None,
        "PYTHONHOME": None,
        "GIVEN": "1",
    }


async def test_a_kernel_runs_in_a_conda_environment(agent: AgentProcess, tmp_path: Path) -> None:
    root = tmp_path / "home" / "miniforge3"
    prefix = a_conda_environment(root / "envs" / "geo", "python-3.11.7-h955ad1f_0")
    (prefix / "conda-meta" / "state").write_text('{"env_vars": {"MINE": "a $5 note"}}')
    scripts = prefix / "etc" / "conda" / "activate.d"
    scripts.mkdir(parents=True)
    (scripts / "gdal.sh").write_text(
        'export GDAL_DATA="$CONDA_PREFIX/share/gdal"\nexport PATH="$CONDA_PREFIX/tools:$PATH"\n'
    )
    a_program(prefix / "tools" / "the-tool")
    assert (await images_of(agent))["conda/geo"] is None
    shown = await shown_by(agent, "conda", "geo")
    assert shown == {
        "prefix": str(prefix),
        "python": str(prefix / "bin" / "python"),
        "tool": str(prefix / "tools" / "the-tool"),
        "VIRTUAL_ENV": None,
        "CONDA_PREFIX": str(prefix),
        "CONDA_DEFAULT_ENV": "geo",
        "GDAL_DATA": f"{prefix}/share/gdal",
        "MINE": "a $5 note",
        "PYTHONHOME": None,
        "GIVEN": None,
    }


async def test_an_environment_becomes_ready_without_a_restart(
    agent: AgentProcess, tmp_path: Path
) -> None:
    prefix = a_virtualenv(tmp_path / "home" / ".venvs" / "later", ipykernel=False)
    problem = (await images_of(agent))["virtualenv/later"]
    assert problem is not None
    kernel_id = await agent.launch("later", provider="virtualenv")
    assert problem in last_body(await agent.records(kernel_id))["reason"]
    sees_ours(prefix)
    assert (await images_of(agent))["virtualenv/later"] is None
    assert (await shown_by(agent, "virtualenv", "later"))["prefix"] == str(prefix)


async def test_a_kernel_of_an_environment_runs_from_its_own_kernelspec(
    agent: AgentProcess, tmp_path: Path
) -> None:
    prefix = a_virtualenv(tmp_path / "home" / ".venvs" / "many")
    a_kernelspec(
        prefix,
        "special",
        argv=["python", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        display_name="Special",
        language="python",
        env={"GDAL_DATA": "${VIRTUAL_ENV}/share", "MINE": "$HOME"},
    )
    shown = await shown_by(agent, "virtualenv", "many:special")
    assert shown["prefix"] == str(prefix)
    assert (shown["GDAL_DATA"], shown["MINE"]) == (f"{prefix}/share", str(tmp_path / "home"))


async def test_activation_that_fails_is_the_reason_of_the_end(
    agent: AgentProcess, tmp_path: Path
) -> None:
    root = tmp_path / "home" / "miniforge3"
    prefix = a_conda_environment(root / "envs" / "torn", "python-3.11.7-h955ad1f_0")
    scripts = prefix / "etc" / "conda" / "activate.d"
    scripts.mkdir(parents=True)
    (scripts / "licence.sh").write_text("echo 'the licence is missing' >&2\nexit 3\n")
    kernel_id = await agent.launch("torn", provider="conda")
    end = last_body(await agent.records(kernel_id))
    assert "the licence is missing" in end["reason"]


async def test_settings_reach_an_agent_that_runs_already(
    agent: AgentProcess, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    a_virtualenv(elsewhere / "mine")
    assert "virtualenv/mine" not in await images_of(agent)
    file = agent.file.with_name("providers.json")
    file.write_text(json.dumps({"virtualenv": {"folders": [str(elsewhere)], "own": False}}))
    images = await images_of(agent)
    assert [name for name in images if name.startswith("virtualenv/")] == ["virtualenv/mine"]
    file.write_text(json.dumps({"virtualenv": {"folder": [str(elsewhere)]}}))
    listed = await agent.ask(link.Images(refresh=True))
    assert isinstance(listed, link.ImageList)
    (broken,) = listed.broken
    assert broken.provider == "virtualenv"
    assert "no setting 'folder'. Did you mean 'folders'?" in broken.problem
    assert "kernelspec/python3" in [image.reference for image in listed.images]
    reply = fault_in(await agent.ask(link.Resource("virtualenv", "mine", "logo-64x64.png")))
    assert isinstance(link.error_of(reply), ImageNotReady)


async def test_an_agent_started_by_hand_takes_the_servers_own_file(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    a_virtualenv(tmp_path / "elsewhere" / "mine")
    config = tmp_path / "kernelyard.toml"
    config.write_text(f'port = 0\n[providers.virtualenv]\nfolders = ["{tmp_path}/elsewhere"]\n')
    process = AgentProcess(tmp_path / "data", "--providers-file", str(config), env=only_here(home))
    try:
        await process.start()
        assert "virtualenv/mine" in await images_of(process)
    finally:
        await process.clean_up()
