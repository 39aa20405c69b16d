"""The doctor reads the file of quirks, and names what is wrong with it."""

from __future__ import annotations

from pathlib import Path

from kernelyard.cli.doctor import BROKEN, OK, Finding, _quirks
from kernelyard.settings import Settings


def findings(data_dir: Path, **flags: object) -> list[Finding]:
    return _quirks(Settings.load({"data_dir": data_dir, **flags}).settings)


def test_without_a_file_there_is_nothing_to_say(tmp_path: Path) -> None:
    assert not findings(tmp_path)


def test_a_good_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "quirks.toml"
    file.write_text("[kernels.ipykernel]\nshutdown_seconds = 9\n")
    assert findings(tmp_path) == [Finding(str(file), OK)]


def test_each_wrong_key_is_told(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('[kernels.mine]\nmatch = ["mine"]\nmeets = []\nmeats = 1\n[other]\n')
    found = findings(tmp_path, quirks_file=file)
    assert [one.state for one in found] == [BROKEN] * 3
    assert all(any(key in one.detail for one in found) for key in ("meets", "meats", "other"))


def test_a_file_that_was_named_must_be_there(tmp_path: Path) -> None:
    (found,) = findings(tmp_path, quirks_file=tmp_path / "gone.toml")
    assert found.state == BROKEN
