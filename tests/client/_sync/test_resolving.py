# Generated from tests/client/_async/test_resolving.py by tools/generate_sync.py: do not edit.
# ruff: noqa: RUF100, SIM117, UP028
"""Which image is for a notebook: what the server is asked, and what it says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kernelyard.client import Client, ConflictError, Resolution

from tests.support.flaky_server import flaky_server
from tests.support.yard_answers import refuse, say

METADATA = {"kernelspec": {"name": "ir", "display_name": "R", "language": "R"}}
ANSWER = {"image": "ir", "how": "name", "because": "the notebook names it", "passed_over": ["x"]}
IMAGES = {
    "items": [{"name": "ir", "parameters": {"properties": {"level": {"enum": [1]}}}}],
    "broken": [{"provider": "a", "problem": "it failed", "listed_at": None}],
    "slow": [{"provider": "b", "listed_at": "2026-01-02T03:04:05.678901Z"}],
    "hidden": [{"reference": "kernelspec/x", "reason": "unsafe"}],
}


def a_notebook(place: Path) -> Path:
    file = place / "report.ipynb"
    content = {"cells": [], "metadata": METADATA, "nbformat": 4, "nbformat_minor": 4}
    file.write_text(json.dumps(content))
    return file


def test_a_file_is_asked_about_with_its_path_and_its_directorys_default(
    tmp_path: Path,
) -> None:
    file = a_notebook(tmp_path)
    default = tmp_path / ".kernelyard.toml"
    default.write_text('image = "conda/science"')
    with flaky_server(lambda _: say(ANSWER)) as server:
        with Client(server.url, "secret") as yard:
            chosen = yard.images.resolve(file)
        request = server.requests[0]
    assert (request.method, request.path) == ("POST", "/v1/resolve")
    assert request.json == {
        "metadata": METADATA,
        "path": str(file),
        "default": "conda/science",
        "default_source": str(default),
        "remember": False,
        "forget": False,
    }
    assert chosen == Resolution(
        image="ir", how="name", because="the notebook names it", passed_over=("x",)
    )


def test_a_choice_is_sent_and_then_no_default_is_looked_for(tmp_path: Path) -> None:
    file = a_notebook(tmp_path)
    (tmp_path / ".kernelyard.toml").write_text("this is not TOML")
    with flaky_server(lambda _: say(ANSWER)) as server:
        with Client(server.url, "secret") as yard:
            yard.images.resolve(str(file), image="ir", remember=True)
            yard.images.resolve(METADATA, path="a.ipynb", default="ir", forget=True)
        first, second = (request.json for request in server.requests)
    assert (first["image"], first["remember"], "default" in first) == ("ir", True, False)
    assert second == {
        "metadata": METADATA,
        "path": "a.ipynb",
        "default": "ir",
        "remember": False,
        "forget": True,
    }


def test_when_nothing_fits_the_error_says_what_there_is() -> None:
    with flaky_server(lambda _: refuse(409, "no_image_fits", "There are: ir (R).")) as server:
        with Client(server.url, "secret") as yard:
            with pytest.raises(ConflictError, match=r"ir \(R\)") as nothing:
                yard.images.resolve({})
    assert nothing.value.code == "no_image_fits"


def test_a_list_of_images_tells_who_is_slow_broken_or_hidden() -> None:
    with flaky_server(lambda _: say(IMAGES)) as server:
        with Client(server.url, "secret") as yard:
            listed = yard.images.list()
    assert listed.items[0].parameters == {"properties": {"level": {"enum": [1]}}}
    assert (listed.broken[0].listed_at, listed.slow[0].listed_at.year) == (None, 2026)
    assert (listed.slow[0].provider, listed.hidden[0].reason) == ("b", "unsafe")
