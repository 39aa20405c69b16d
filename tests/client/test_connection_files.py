"""Connection files are read by the client, which says what is wrong and never what is in them."""

from __future__ import annotations

import json
import traceback
from pathlib import Path

import pytest

from kernelyard.client import ConnectionFileError
from kernelyard.client.connection_files import content_of

from tests.support.foreign_files import SECRET, connection_file


def test_a_file_is_read_by_any_sort_of_path_and_content_is_taken_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "kernel.json"
    file.write_text(json.dumps(connection_file()))
    assert content_of(file) == content_of(str(file)) == connection_file()
    assert content_of(connection_file()) == connection_file()


@pytest.mark.parametrize(
    "text",
    [
        "",
        json.dumps(connection_file())[:-5],
        f'["{SECRET}"]',
        f'"{SECRET}"' + " " * 100_000,
        f"key = {SECRET}",
    ],
)
def test_what_is_no_connection_file_is_told_without_its_content(tmp_path: Path, text: str) -> None:
    file = tmp_path / "kernel.json"
    file.write_text(text)
    with pytest.raises(ConnectionFileError, match="is no connection file") as raised:
        content_of(file)
    assert SECRET not in "".join(traceback.format_exception(raised.value))


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConnectionFileError, match="No such file"):
        content_of(tmp_path / "nothing.json")
    with pytest.raises(ConnectionFileError, match="directory"):
        content_of(tmp_path)
