"""Several servers on one data directory: each is counted, and clients find one that lives."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kernelyard.cli.complaints import Complaint
from kernelyard.cli.fellow_servers import (
    FOLDER,
    Fellow,
    fellows,
    listening_fellows,
    registered,
    server_of,
    servers_of,
)
from kernelyard.cli.runtime_files import Runtime, lock_holder, read_runtime, server_lock
from kernelyard.client import find_server

OTHER = """
import os, sys
from pathlib import Path
from kernelyard.cli.fellow_servers import registered
from kernelyard.cli.runtime_files import Runtime
place = Path(sys.argv[1])
with registered(place, several=True) as server:
    if sys.argv[2] == "listens":
        server.announce(Runtime("http://127.0.0.1:2/", os.getpid(), None, "2026-01-02", str(place), "0"))
    print("ready", flush=True)
    sys.stdin.read()
"""


def a_runtime(data_dir: Path, port: int = 1) -> Runtime:
    return Runtime(f"http://127.0.0.1:{port}/", os.getpid(), None, "2026-01-01", str(data_dir), "0")


class Other:
    """Another server, as a process."""

    def __init__(self, data_dir: Path, does: str) -> None:
        command = [sys.executable, "-c", OTHER, str(data_dir), does]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"ready\n"

    @property
    def pid(self) -> int:
        return self.process.pid

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()

    def end(self) -> None:
        assert self.process.communicate()[0] == b""
        assert self.process.returncode == 0


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Other]:
    one = Other(tmp_path, "listens")
    yield one
    one.kill()


def test_the_first_that_listens_is_named_and_the_next_one_when_it_ends(
    tmp_path: Path, other: Other
) -> None:
    with registered(tmp_path, several=True) as server:
        server.announce(a_runtime(tmp_path))
        assert server.others() == 1
        assert sorted(fellows(tmp_path)) == sorted([os.getpid(), other.pid])
        named = server_of(tmp_path)
        assert named is not None
        assert named.pid == other.pid
        other.end()
        assert server_of(tmp_path) == read_runtime(tmp_path) == a_runtime(tmp_path)
    assert read_runtime(tmp_path) is None
    assert servers_of(tmp_path, patience=0) == []


def test_one_that_was_killed_is_found_out_by_the_others(tmp_path: Path, other: Other) -> None:
    with registered(tmp_path, several=True) as server:
        server.announce(a_runtime(tmp_path))
        other.kill()
        assert server_of(tmp_path) == a_runtime(tmp_path)
        told = read_runtime(tmp_path)
        assert told is not None
        assert told.pid == other.pid
        server.look()
        assert read_runtime(tmp_path) == a_runtime(tmp_path)
        assert find_server(data_dir=tmp_path, environ={}).url == "http://127.0.0.1:1"
        assert len(list((tmp_path / FOLDER).glob("*.json"))) == 1


def test_a_file_that_names_an_earlier_process_of_the_same_number_is_written_anew(
    tmp_path: Path,
) -> None:
    (tmp_path / "server.json").write_text(json.dumps({"url": "http://old/", "pid": os.getpid()}))
    with registered(tmp_path, several=True) as server:
        server.announce(a_runtime(tmp_path))
        assert read_runtime(tmp_path) == a_runtime(tmp_path)


def test_what_servers_tell_is_for_their_owner_alone(tmp_path: Path) -> None:
    with registered(tmp_path, several=True) as server:
        server.announce(a_runtime(tmp_path))
        folder = tmp_path / FOLDER
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_who_shares_and_who_does_not_never_have_one_directory(tmp_path: Path, other: Other) -> None:
    with pytest.raises(Complaint, match=f"pid {other.pid}"), registered(tmp_path, several=False):
        pass
    other.end()
    with registered(tmp_path, several=False) as alone:
        alone.announce(a_runtime(tmp_path))
        assert lock_holder(tmp_path) == os.getpid()
        assert servers_of(tmp_path, patience=0) == [os.getpid()]
        with pytest.raises(Complaint, match="already uses"), registered(tmp_path, several=True):
            pass
        assert server_of(tmp_path) == a_runtime(tmp_path)


def test_one_that_is_just_starting_is_among_those_that_are_ended(tmp_path: Path) -> None:
    starting = Other(tmp_path, "starts")
    try:
        assert servers_of(tmp_path, patience=0) == [starting.pid]
        assert listening_fellows(tmp_path) == []
        assert server_of(tmp_path) is None
    finally:
        starting.kill()
    assert servers_of(tmp_path, patience=30) == []


def test_servers_start_one_after_the_other_so_that_one_makes_the_token(tmp_path: Path) -> None:
    first, second = Fellow(tmp_path), Fellow(tmp_path)
    with server_lock(tmp_path, shared=True):
        first.enter()
        with pytest.raises(Complaint, match="has been starting"):
            second.enter(patience=0)
        second.leave()
        first.announce(a_runtime(tmp_path))
        third = Fellow(tmp_path)
        third.enter(patience=0)
        third.announce(replace(a_runtime(tmp_path), url="http://127.0.0.1:3/"))
        assert server_of(tmp_path) == a_runtime(tmp_path)
        first.leave()
        assert str(find_server(data_dir=tmp_path, environ={}).url).endswith(":3")
        third.leave()
