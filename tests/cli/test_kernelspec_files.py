"""Kernelspecs of ours are written whole, and nobody else's is touched."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jupyter_client.kernelspec import KernelSpecManager

from kernelyard.cli.complaints import Complaint
from kernelyard.cli.kernelspec_files import content_of, found, place_of, read, remove, write


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where kernelspecs of the user are."""
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    return place_of(prefix=None, sys_prefix=False)


def content(image: str = "python3") -> dict[str, object]:
    return content_of(
        {"image": image}, display_name="Python · yard", language="python", env={"A": "1"}
    )


def test_jupyter_finds_what_was_written(place: Path) -> None:
    write(place / "yard-python3", content(), {"logo-64x64.png": b"picture"}, replace=False)
    spec = KernelSpecManager().get_kernel_spec("yard-python3")
    assert spec.display_name == "Python · yard"
    assert spec.env == {"A": "1"}
    stanza = spec.metadata["kernel_provisioner"]
    assert stanza == {"provisioner_name": "kernelyard-provisioner", "config": {"image": "python3"}}
    assert (place / "yard-python3" / "logo-64x64.png").read_bytes() == b"picture"
    assert [entry.name for entry in place.iterdir()] == ["yard-python3"]


def test_ours_are_listed_and_removed(place: Path) -> None:
    write(place / "one", content(), {}, replace=False)
    (place / "other").mkdir()
    (place / "other" / "kernel.json").write_text(json.dumps({"argv": ["other"]}))
    (one,) = [one for one in found() if one.directory.parent == place]
    assert (one.name, one.config) == ("one", {"image": "python3"})
    remove(one)
    assert [entry.name for entry in place.iterdir()] == ["other"]


def test_one_is_replaced_only_if_that_is_wanted(place: Path) -> None:
    write(place / "one", content(), {"logo-64x64.png": b"old"}, replace=False)
    with pytest.raises(Complaint, match="--replace"):
        write(place / "one", content("conda/science"), {}, replace=False)
    write(place / "one", content("conda/science"), {}, replace=True)
    written = read(place / "one")
    assert written is not None
    assert written.config == {"image": "conda/science"}
    assert [file.name for file in (place / "one").iterdir()] == ["kernel.json"]
    assert [entry.name for entry in place.iterdir()] == ["one"]


@pytest.mark.parametrize("text", ['{"argv": ["other"]}', "not JSON", "[]", '{"metadata": 3}'])
def test_what_is_not_ours_is_left_as_it_is(place: Path, text: str) -> None:
    (place / "other").mkdir(parents=True)
    (place / "other" / "kernel.json").write_text(text)
    with pytest.raises(Complaint, match="another kernel's"):
        write(place / "other", content(), {}, replace=True)
    assert (place / "other" / "kernel.json").read_text() == text


def test_a_prefix_names_an_environment(tmp_path: Path) -> None:
    there = place_of(prefix=tmp_path, sys_prefix=False)
    assert there == tmp_path / "share" / "jupyter" / "kernels"
