"""The example of a provider in a package of its own: installed as users do, tested, and run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kernelyard.wire import link

from tests.support.agent_process import (
    AgentProcess,
    ended,
    fault_in,
    last_body,
    stdout_of,
)
from tests.support.environments import only_here

PACKAGE = Path(__file__).parents[2] / "examples" / "provider-package"
SHOW = "import os; print(os.environ['REPORT_YEAR'], os.nice(0))"
pytestmark = pytest.mark.journey


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory that pip has installed the package into."""
    place = tmp_path_factory.mktemp("installed")
    source = shutil.copytree(PACKAGE, tmp_path_factory.mktemp("source") / "package")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--no-deps"]
    done = subprocess.run(
        [*pip, "--target", str(place), str(source)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return place


@pytest.fixture
async def agent(tmp_path: Path, installed: Path) -> AsyncIterator[AgentProcess]:
    """An agent that has the package, with one recipe and a torn one."""
    home = tmp_path / "home"
    recipes = home / ".kernel-recipes"
    recipes.mkdir(parents=True)
    readme = (PACKAGE / "README.md").read_text()
    (recipes / "report.toml").write_text(readme.split("```toml\n")[1].split("```")[0])
    (recipes / "torn.toml").write_text("=")
    env = only_here(home) | {"PYTHONPATH": str(installed)}
    process = AgentProcess(tmp_path / "data", env=env)
    try:
        await process.start()
        yield process
    finally:
        await process.clean_up()


def test_its_own_tests_pass_where_it_is_installed(tmp_path: Path, installed: Path) -> None:
    # Without src: what is installed is to be tested.
    shutil.copytree(PACKAGE / "tests", tmp_path / "tests")
    shutil.copy(PACKAGE / "pyproject.toml", tmp_path)
    plugins = [*("-p", "no:cacheprovider"), *("-p", "no:randomly")]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *plugins, "tests"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout


async def test_its_images_are_listed_and_started_with_parameters(agent: AgentProcess) -> None:
    images = await agent.ask(link.Images(refresh=True))
    assert isinstance(images, link.ImageList)
    mine = {image.name: image for image in images.images if image.provider == "recipes"}
    assert set(mine) == {"report", "torn"}
    assert "Correct or remove it" in str(mine["torn"].problem)
    assert mine["report"].parameters["properties"] == {
        "year": {"type": "integer", "minimum": 2000, "default": 2026}
    }
    for given, year in (({}, 2026), ({"year": 2025}, 2025)):
        kernel_id = await agent.launch("report", provider="recipes", parameters=given)
        await agent.submit(kernel_id, SHOW)
        records = await agent.records(kernel_id, until=ended(1))
        assert stdout_of(records, 1).split() == [str(year), str(min(19, os.nice(0) + 10))]


async def test_its_kernels_are_found_again_after_the_agent_was_killed(agent: AgentProcess) -> None:
    kernel_id = await agent.launch("report", provider="recipes")
    await agent.submit(kernel_id, "kept = 6")
    await agent.records(kernel_id, until=ended(1))
    agent.kill()
    await agent.start()
    await agent.submit(kernel_id, "print(kept * 7)", first=2)
    records = await agent.records(kernel_id, until=ended(2))
    assert stdout_of(records, 2).strip() == "42"
    await agent.submit(kernel_id, "import os; os.kill(os.getpid(), 9)", first=3)
    assert last_body(await agent.records(kernel_id))["cause"] == "died"


async def test_its_settings_are_typed(agent: AgentProcess, tmp_path: Path) -> None:
    file = agent.file.with_name("providers.json")
    file.write_text('{"recipes": {"niceness": 40}}')
    reply = fault_in(await agent.ask(link.Resource("recipes", "report", "logo-64x64.png")))
    assert "'niceness' must be between 0 and 19" in reply.message
    file.write_text(json.dumps({"recipes": {"folder": str(tmp_path)}}))
    images = await agent.ask(link.Images(refresh=True))
    assert isinstance(images, link.ImageList)
    assert not [image for image in images.images if image.provider == "recipes"]
