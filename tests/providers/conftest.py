"""A home of their own for tests that look for environments."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.environments import VARIABLES


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home directory, without anything in it."""
    place = tmp_path / "home"
    place.mkdir()
    monkeypatch.setenv("HOME", str(place))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    return place
