"""Where the yard is asked to start the kernel of an application."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kernelyard.provisioner.provisioner import path_in


def test_it_is_where_the_application_says_or_else_where_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert path_in("/data", "/elsewhere/in.ipynb") == "/data/./in.ipynb"
    assert path_in(None, "") == f"{tmp_path}/./"
    assert path_in("notes", "in.ipynb") == f"{tmp_path}/notes/./in.ipynb"
    assert path_in("/", "") == "/./"


def test_an_application_whose_directory_is_gone_asks_for_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    os.rmdir(gone)  # noqa: PTH106
    assert path_in(None, "") is None
    assert path_in(None, "in.ipynb") == "in.ipynb"
