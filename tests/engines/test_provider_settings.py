"""The local engine leaves the settings of providers where its agent looks, and lets nobody else."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from kernelyard.engines.local.provider_settings import hand_over


def test_settings_are_written_for_the_agents_user_alone(tmp_path: Path) -> None:
    file = tmp_path / "providers.json"
    hand_over({"conda": {"since": date(2026, 1, 2), "folders": ["/a"]}}, file)
    assert json.loads(file.read_text()) == {"conda": {"since": "2026-01-02", "folders": ["/a"]}}
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [file]


def test_the_same_settings_are_not_written_again(tmp_path: Path) -> None:
    file = tmp_path / "providers.json"
    hand_over({}, file)
    assert not file.exists()
    hand_over({"a": {"b": 1}}, file)
    before = file.stat().st_ino
    hand_over({"a": {"b": 1}}, file)
    assert file.stat().st_ino == before
    hand_over({}, file)
    assert file.read_text() == "{}"


def test_what_cannot_be_written_leaves_what_was_there(tmp_path: Path) -> None:
    file = tmp_path / "providers.json"
    hand_over({"a": {"b": 1}}, file)
    with pytest.raises(TypeError):
        hand_over({"a": {"b": {1, 2}}}, file)
    assert json.loads(file.read_text()) == {"a": {"b": 1}}
    assert list(tmp_path.iterdir()) == [file]
