"""A kernelspec that appears while everything runs is an image at once, and an event."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kernelyard import Client
from kernelyard.client import ApiError, ConflictError, Event, InvalidRequestError

from tests.support.kernelspecs import install, wait_until_images_are_watched
from tests.support.live_server import LiveServer, wait_until

PRINTER = (
    "import sys; from ipykernel.kernelapp import launch_new_instance as go; "
    "import os; os.environ['LEVEL_ARGUMENT'] = sys.argv.pop(); go()"
)
LEVELS = {"type": "string", "enum": ["low", "high $HOME {prefix}"], "default": "low"}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where kernelspecs of these tests are; there is no directory for them at first."""
    return tmp_path_factory.mktemp("jupyter") / "share"


@pytest.fixture(scope="module")
def server(place: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    env = {"JUPYTER_PATH": str(place)}
    with LiveServer(tmp_path_factory.mktemp("new-images") / "data", env=env) as server:
        with server.client() as yard:
            wait_until_images_are_watched(yard, place)
        yield server


def levels(**spec: object) -> dict[str, object]:
    """A kernelspec whose last word is a parameter."""
    argv = [sys.executable, "-c", PRINTER, "-f", "{connection_file}", "{level}"]
    return {"argv": argv, "language": "python", **spec}


def told(yard: Client, after: int, image: str, state: str) -> Event:
    """Wait for an event of an image."""
    found: list[Event] = []

    def look() -> bool:
        events = yard.events.list(after, about="images")
        found.extend(one for one in events if (one.image, one.state) == (image, state))
        return bool(found)

    wait_until(look, 40)
    return found[0]


def test_images_come_and_go_without_a_restart(server: LiveServer, place: Path) -> None:
    watched = place.parent / "watched.txt"
    with watched.open("w") as output:
        watching = subprocess.Popen(
            [sys.executable, "-m", "kernelyard.cli", "images", "--watch"],
            env=os.environ | {"KERNELYARD_URL": server.url, "KERNELYARD_TOKEN": server.token},
            stdout=output,
            start_new_session=True,
        )
    try:
        wait_until(lambda: "python3" in watched.read_text(), 40)
        with server.client() as yard:
            after = yard.events.newest()
            directory = install(place, "fresh")
            event = told(yard, after, "fresh", "found")
            assert (event.kernel_id, event.task_id, event.reason) == (None, None, None)
            assert any(image.name == "fresh" for image in yard.images.list())
            wait_until(lambda: "\tfresh\tfound" in watched.read_text(), 40, watched.read_text)
            shutil.rmtree(directory)
            told(yard, event.number, "fresh", "gone")
            assert all(image.name != "fresh" for image in yard.images.list())
        wait_until(lambda: "\tfresh\tgone" in watched.read_text(), 40, watched.read_text)
    finally:
        watching.send_signal(signal.SIGINT)
        assert watching.wait(30) == 130


def test_parameters_are_checked_and_stand_in_the_command_line(
    server: LiveServer, place: Path
) -> None:
    parameters = {"properties": {"level": LEVELS}}
    env = {"LEVEL_VARIABLE": "is {level}"}
    install(place, "levels", **levels(env=env, metadata={"parameters": parameters}))
    install(place, "unsafe", metadata={"parameters": {"properties": {"any": {"type": "string"}}}})
    ask = "import os; print(os.environ['LEVEL_ARGUMENT'], '|', os.environ['LEVEL_VARIABLE'])"
    with server.client() as yard:
        listed = yard.images.list(refresh=True)
        told(yard, 0, "levels", "found")
        assert [one.reference for one in listed.hidden] == ["kernelspec/unsafe"]
        (image,) = (image for image in listed if image.name == "levels")
        assert image.parameters["properties"] == {"level": LEVELS}
        with pytest.raises(InvalidRequestError) as wrong:
            yard.kernels.create("levels", parameters={"level": "middle"})
        assert wrong.value.field == "parameters.level"
        with pytest.raises(ConflictError, match="--allow-insecure-parameters"):
            yard.kernels.create("unsafe", parameters={"any": "thing"})
        by_default = yard.kernels.create("levels")
        assert by_default.run(ask).stdout == "low | is low\n"
        given = yard.kernels.create("levels", parameters={"level": "high $HOME {prefix}"})
        said = "high $HOME {prefix}"
        assert given.run(ask).stdout == f"{said} | is {said}\n"
        given.restart()
        assert given.run(ask).stdout == f"{said} | is {said}\n"
        assert given.refresh().info.parameters == {"level": said}
        for kernel in (by_default, given):
            kernel.terminate()
    done = server.cli("kernels", "create", "--image", "levels", "--param", "level=loud")
    assert (done.returncode, done.stdout) == (1, "")
    assert "parameters.level" in done.stderr
    refreshed = server.cli("images", "--refresh")
    assert "\nlevels\t" in refreshed.stdout
    assert "'kernelspec/unsafe' is hidden" in refreshed.stderr
    shown = server.cli("images", "show", "levels").stdout
    assert json.loads(shown.partition("parameter level")[2]) == LEVELS
    events = server.cli("events", "--images", "-o", "json").stdout.splitlines()
    assert "levels" in [json.loads(event)["image"] for event in events]


def test_a_notebook_finds_its_image_and_the_choice_is_remembered(
    server: LiveServer, tmp_path: Path
) -> None:
    notebook = tmp_path / "report.ipynb"
    cell = {"cell_type": "code", "source": "6 * 7", "metadata": {}, "outputs": []} | {
        "execution_count": None
    }
    metadata = {
        "kernelspec": {"name": "no-such", "display_name": "?"},
        "language_info": {"name": "python", "version": "3"},
    }
    content = {"cells": [cell], "metadata": metadata, "nbformat": 4, "nbformat_minor": 4}
    notebook.write_text(json.dumps(content))
    with server.client() as yard:
        yard.images.register("mine", "python3")
        yard.images.register("ours", "python3")
    first = server.cli("resolve", str(notebook))
    assert first.stdout == "python3\n", first.stderr
    assert "'no-such' is not there" in first.stderr
    (tmp_path / ".kernelyard.toml").write_text('image = "ours"\n')
    assert server.cli("resolve", str(notebook)).stdout == "ours\n"
    run = server.cli("run", str(notebook), "--image", "mine")
    assert run.returncode == 0, run.stderr
    assert "The image is 'mine': you chose it" in run.stderr
    again = server.cli("run", str(notebook), "-o", "json")
    assert "'mine': it was chosen for this notebook before" in again.stderr
    with server.client() as yard:
        kernel = yard.kernels.get(json.loads(again.stdout)["kernel"]).info
        assert (kernel.image.name, kernel.path) == ("mine", str(notebook.resolve()))
    forgotten = server.cli("resolve", str(notebook), "--forget")
    assert forgotten.stdout == "ours\n"
    assert str(tmp_path / ".kernelyard.toml") in forgotten.stderr
    with server.client() as yard:
        for name in ("mine", "ours"):
            yard.images.delete(name)
        metadata["language_info"] = {"name": "cobol"}
        with pytest.raises(ApiError) as nothing:
            yard.images.resolve(metadata)
    assert nothing.value.code == "no_image_fits"
    notebook.write_text(json.dumps({**content, "metadata": metadata}))
    (tmp_path / ".kernelyard.toml").unlink()
    refused = server.cli("run", str(notebook))
    assert (refused.returncode, refused.stdout) == (3, "")
    assert "no image that is ready runs that" in refused.stderr
    assert "python3 (python" in nothing.value.detail
