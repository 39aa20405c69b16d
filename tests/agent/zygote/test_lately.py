"""What is remembered of the kernels that were started of late."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from kernelyard.agent.logs import Log
from kernelyard.agent.zygote.keys import Recipe
from kernelyard.agent.zygote.lately import MOST, Lately


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "zygotes" / "lately.json"


def test_what_was_used_last_is_first_and_a_later_agent_knows_it(file: Path) -> None:
    lately = Lately(file, Log())
    recipes = [Recipe("kernelspec", f"image{number}") for number in range(2 * MOST)]
    for recipe in recipes:
        lately.note(recipe)
    assert not file.exists()
    lately.keep()
    again = Lately(file, Log()).recipes
    assert again == lately.recipes == recipes[: -MOST - 1 : -1]
    lately.note(recipes[-MOST])
    lately.keep()
    assert Lately(file, Log()).recipes[0] == recipes[-MOST]


def test_only_its_owner_may_read_it(file: Path) -> None:
    lately = Lately(file, Log())
    lately.note(Recipe("kernelspec", "python3", ("numpy",), "me"))
    lately.keep()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_what_cannot_be_started_any_more_is_forgotten(file: Path) -> None:
    lately = Lately(file, Log())
    lately.note(Recipe("kernelspec", "python3"))
    lately.drop(Recipe("kernelspec", "python3"))
    lately.drop(Recipe("kernelspec", "other"))
    lately.keep()
    assert Lately(file, Log()).recipes == []


@pytest.mark.parametrize("content", [b"", b"[{", b'{"a": 1}', b"[[1]]", b"\xff\xfe"])
def test_a_broken_file_is_an_empty_one(file: Path, content: bytes) -> None:
    file.parent.mkdir()
    file.write_bytes(content)
    lately = Lately(file, Log())
    assert lately.recipes == []
    lately.note(Recipe("kernelspec", "python3"))
    lately.keep()
    assert len(Lately(file, Log()).recipes) == 1
