"""A connection file is found by its path, or by its name where Jupyter keeps those of running kernels."""

from __future__ import annotations

from pathlib import Path

import pytest

from kernelyard.cli.attach import file_of


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "runtime"
    place.mkdir()
    (place / "kernel-0b6e.json").write_text("{}")
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(place))
    monkeypatch.chdir(tmp_path)
    return place


@pytest.mark.parametrize("name", ["kernel-0b6e.json", "kernel-0b6e", "0b6e"])
def test_a_name_is_looked_up_in_the_runtime_directory(runtime: Path, name: str) -> None:
    assert file_of(name) == runtime / "kernel-0b6e.json"


def test_a_file_that_is_there_comes_first_and_a_path_is_taken_as_it_is(
    runtime: Path, tmp_path: Path
) -> None:
    (tmp_path / "kernel-0b6e.json").write_text("{}")
    assert file_of("kernel-0b6e.json") == Path("kernel-0b6e.json")
    assert file_of("elsewhere/kernel-0b6e.json") == Path("elsewhere/kernel-0b6e.json")
    assert file_of("nothing") == Path("nothing")
