"""A directory of connection files is read with care: others may write anything there at any moment."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from kernelyard.agent.foreign.directory import FURTHER, Directory, Unusable

from tests.support.foreign_files import connection_file


@pytest.fixture
def place(tmp_path: Path) -> Path:
    place = tmp_path / "runtime"
    place.mkdir()
    return place


def write(path: Path, text: str | None = None, *, mode: int = 0o600, **changes: str | int) -> Path:
    path.write_text(json.dumps(connection_file(**changes)) if text is None else text)
    path.chmod(mode)
    return path


def test_connection_files_are_found_whatever_else_lies_there(place: Path) -> None:
    write(place / "kernel-1.json")
    write(place / "any name.json", shell_port=50_010)
    write(place / "jpserver-7.json", '{"port": 8888, "token": "t"}')
    write(place / "notes.txt", "no JSON")
    write(place / ".hidden.json")
    (place / "folder.json").mkdir()
    contents = Directory(place).read()
    assert [file.name for file in contents.files] == ["any name.json", "kernel-1.json"]
    assert contents.refused == {"folder.json": "it is no ordinary file"}
    assert contents.present == ["any name.json", "folder.json", "jpserver-7.json", "kernel-1.json"]


def test_a_file_that_is_half_written_is_read_again(place: Path) -> None:
    directory = Directory(place)
    whole = json.dumps(connection_file())
    file = write(place / "kernel-1.json", whole[:60])
    assert "not the content of a connection file" in directory.read().refused[file.name]
    write(file, "")
    assert file.name in directory.read().refused
    write(file, whole)
    contents = directory.read()
    assert ([one.name for one in contents.files], contents.refused) == ([file.name], {})
    write(file, shell_port=50_099)
    assert directory.read().files[0].connection.shell_port == 50_099
    file.unlink()
    assert directory.read().present == []


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_may_write_is_refused(place: Path, mode: int) -> None:
    write(place / "kernel-1.json", mode=mode)
    assert "others may write it" in Directory(place).read().refused["kernel-1.json"]
    with pytest.raises(Unusable, match="others may write it"):
        Directory(place).read_one("kernel-1.json")


def test_links_pipes_and_large_files_are_refused(place: Path, tmp_path: Path) -> None:
    real = write(tmp_path / "real.json")
    (place / "link.json").symlink_to(real)
    os.mkfifo(place / "pipe.json")
    write(place / "large.json", '{"shell_port": 1, "x": "' + "y" * 100_000 + '"}')
    refused = Directory(place).read().refused
    assert refused["link.json"] == "it is a symbolic link"
    assert refused["pipe.json"] == "it is no ordinary file"
    assert "less than" in refused["large.json"]


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
def test_a_file_of_another_user_is_refused(place: Path) -> None:
    os.chown(write(place / "kernel-1.json"), 12_345, 12_345)
    assert Directory(place).read().refused == {"kernel-1.json": "it belongs to another user"}


@pytest.mark.parametrize("name", ["../real.json", "/etc/passwd", "kernel.txt", "", ".", "a/b.json"])
def test_nothing_beside_its_files_can_be_asked_for(place: Path, tmp_path: Path, name: str) -> None:
    write(tmp_path / "real.json")
    with pytest.raises(Unusable):
        Directory(place).read_one(name)


def test_a_directory_that_is_none_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Directory(tmp_path / "missing").read()
    with pytest.raises(NotADirectoryError):
        Directory(write(tmp_path / "file.json")).read()


def test_of_too_many_files_some_are_not_read_and_all_are_there(place: Path) -> None:
    names = [f"kernel-{number}.json" for number in range(3)]
    for name in names:
        write(place / name)
    contents = Directory(place, most=2).read()
    assert [file.name for file in contents.files] == names[:2]
    assert contents.present == names
    assert "only 2 files are looked at" in contents.refused[FURTHER]
    (place / names[0]).unlink()
    after = Directory(place, most=2).read()
    assert ([file.name for file in after.files], after.refused) == (names[1:], {})
