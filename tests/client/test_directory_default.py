"""What a directory wants for its notebooks is found beside them or above."""

from __future__ import annotations

from pathlib import Path

import pytest

from kernelyard.client import KernelyardError
from kernelyard.client.directory_default import FILE_NAME, find_default
from kernelyard.client.notebook_question import question_of


def write(directory: Path, text: str) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / FILE_NAME
    file.write_text(text)
    return file


def test_the_nearest_file_that_names_an_image_counts(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    assert find_default(inner / "n.ipynb") is None
    outer_file = write(tmp_path, 'image = "outer"')
    found = find_default(inner / "n.ipynb")
    assert found is not None
    assert (found.image, found.file) == ("outer", outer_file)
    write(inner, "# nothing is said here")
    assert find_default(inner / "n.ipynb") == found
    write(tmp_path / "a", 'image = "conda/inner"')
    nearer = find_default(inner / "n.ipynb")
    assert nearer is not None
    assert nearer.image == "conda/inner"


def test_nothing_above_the_home_directory_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, 'image = "outer"')
    home = tmp_path / "home"
    monkeypatch.setenv("HOME", str(home))
    (home / "work").mkdir(parents=True)
    assert find_default(home / "work" / "n.ipynb") is None
    write(home, 'image = "own"')
    found = find_default(home / "work" / "n.ipynb")
    assert found is not None
    assert found.image == "own"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("image = ", "is not TOML"),
        ("image = 3", "must be the name of an image"),
        ('image = ""', "must be the name of an image"),
        ('imag = "x"', "'image' is all it may have"),
    ],
)
def test_a_file_that_is_wrong_says_what_to_correct(tmp_path: Path, text: str, says: str) -> None:
    file = write(tmp_path, text)
    with pytest.raises(KernelyardError, match=says) as wrong:
        find_default(tmp_path / "n.ipynb")
    assert str(file) in str(wrong.value)


def test_of_metadata_only_what_tells_of_the_kernel_is_sent() -> None:
    metadata = {"kernelspec": {"name": "ir"}, "widgets": {"state": "x" * 1000}}
    nothing = {"path": None, "image": None, "default": None, "remember": False, "forget": False}
    for notebook in (metadata, {"cells": [], "metadata": metadata}):
        question = question_of(notebook, **nothing)  # type: ignore[arg-type]
        assert question["metadata"] == {"kernelspec": {"name": "ir"}}
        assert set(question) == {"metadata", "remember", "forget"}
