"""Environments through a real server: set in a file, listed, run by name, set anew while an agent runs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.support.environments import a_conda_environment, a_virtualenv, only_here, sees_ours
from tests.support.live_server import LiveServer

pytestmark = pytest.mark.journey
SHOW = "import sys, os; print(sys.prefix, os.environ.get('VIRTUAL_ENV'))"


def names(server: LiveServer) -> list[str]:
    listed = server.cli("images", "--refresh", "-o", "json")
    assert listed.returncode == 0, listed.stderr
    return [item["name"] for item in json.loads(listed.stdout)["items"]]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with one conda environment."""
    home = tmp_path / "home"
    a_conda_environment(home / "miniforge3" / "envs" / "geo", "python-3.11.7-h955ad1f_0")
    return home


@pytest.mark.timeout(120)  # it runs the command line four times
def test_environments_are_set_in_a_file_and_run_by_name(tmp_path: Path, home: Path) -> None:
    science = a_virtualenv(tmp_path / "projects" / "science" / ".venv")
    a_virtualenv(tmp_path / "projects" / "bare" / ".venv", ipykernel=False)
    config = tmp_path / "yard.toml"
    config.write_text(f'[providers.virtualenv]\nfolders = ["{tmp_path}/projects"]\n')
    server = LiveServer(tmp_path / "data", "--config", str(config), env=only_here(home))
    with server:
        assert {"virtualenv/science", "virtualenv/bare", "conda/geo"} <= set(names(server))
        done = server.cli("run", "--image", "virtualenv/science", "-c", SHOW)
        assert done.stdout.split() == [str(science), str(science)], done.stderr
        refused = server.cli("run", "--image", "virtualenv/bare", "-c", SHOW)
        assert refused.returncode != 0
        assert "uv pip install --python" in refused.stderr


@pytest.mark.timeout(120)  # it starts two servers, and the doctor a third
def test_new_settings_reach_the_agent_that_runs_and_wrong_ones_are_told(
    tmp_path: Path, home: Path
) -> None:
    config = tmp_path / "yard.toml"
    config.touch()
    server = LiveServer(tmp_path / "data", "--config", str(config), env=only_here(home))
    with server:
        assert "conda/geo" in names(server)
        agent = server.agent_pid()
        server.stop()
        config.write_text(
            "[providers.virtualenv]\nfoldrs = []\n[providers.conda]\nenabled = false\n"
        )
        server.start()
        left = server.cli("images", "--refresh")
        assert server.agent_pid() == agent
        assert "conda/geo" not in left.stdout
        assert "python3" in left.stdout
        assert "no setting 'foldrs'. Did you mean 'folders'?" in left.stderr
        doctor = server.cli("doctor", "--config", str(config))
        assert doctor.returncode == 1
        assert "no setting 'foldrs'" in doctor.stdout


def test_a_new_environment_is_told_when_it_comes_becomes_ready_and_goes(
    tmp_path: Path, home: Path
) -> None:
    (home / ".venvs").mkdir()
    with LiveServer(tmp_path / "data", env=only_here(home)) as server, server.client() as yard:
        yard.images.list()
        events = (one for one in yard.events.follow() if one.image == "virtualenv/new")
        # At once, not piece by piece: it would be told of while it has no Python yet.
        made = a_virtualenv(tmp_path / "made", ipykernel=False)
        prefix = made.rename(home / ".venvs" / "new")
        found = next(events)
        assert (found.state, "uv pip install" in str(found.reason)) == ("found", True)
        sees_ours(prefix)
        assert next(events).state == "ready"
        shutil.rmtree(prefix)
        assert next(events).state == "gone"
