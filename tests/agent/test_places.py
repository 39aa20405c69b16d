"""Where things lie: short private paths for sockets, and files that are whole or not there."""

from __future__ import annotations

import os
import socket
import stat
import tempfile
from pathlib import Path
from uuid import uuid4

import pytest

from kernelyard.agent import places
from kernelyard.model.errors import AgentUnavailable, Invalid

KERNEL = "0123abcd-0000-4000-8000-00000000beef"


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A data directory whose path is too long for sockets."""
    return tmp_path / ("deep" * 30)


def test_a_kernel_has_a_directory_named_by_its_id(data_dir: Path) -> None:
    assert places.agent_dir(data_dir) == data_dir / "agent"
    assert places.kernel_dir(data_dir, KERNEL) == data_dir / "agent" / "kernels" / KERNEL


@pytest.mark.parametrize("bad", ["..", "../../etc", "", "a/b", KERNEL.upper(), KERNEL + "\n"])
def test_what_is_no_kernel_id_names_no_place(data_dir: Path, bad: str) -> None:
    with pytest.raises(Invalid, match="UUID"):
        places.kernel_dir(data_dir, bad)
    with pytest.raises(Invalid):
        places.ipc_prefix(data_dir, bad, 1)


@pytest.fixture
def runtime(data_dir: Path) -> Path:
    return places.runtime_dir(data_dir)


def test_the_runtime_directory_is_private(data_dir: Path, runtime: Path) -> None:
    assert runtime.parent == Path("/tmp")
    assert stat.S_IMODE(runtime.stat().st_mode) == 0o700
    assert places.runtime_dir(data_dir) == runtime
    runtime.rmdir()


def test_every_data_directory_has_a_runtime_directory_of_its_own(tmp_path: Path) -> None:
    names = {places.runtime_name(tmp_path / name) for name in ("a", "b")}
    assert len(names) == 2
    assert places.runtime_name(tmp_path / "x" / ".." / "a") in names


def test_a_runtime_directory_that_others_may_enter_is_refused(
    data_dir: Path, runtime: Path
) -> None:
    runtime.chmod(0o755)
    with pytest.raises(AgentUnavailable, match="0755"):
        places.runtime_dir(data_dir)
    runtime.rmdir()


def test_a_runtime_directory_that_is_a_link_is_refused(
    data_dir: Path, runtime: Path, tmp_path: Path
) -> None:
    runtime.rmdir()
    runtime.symlink_to(tmp_path)
    with pytest.raises(AgentUnavailable, match="is not a directory of yours"):
        places.runtime_dir(data_dir)
    runtime.unlink()


def test_the_sockets_of_a_short_data_directory_lie_in_it() -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as short:
        place = places.runtime_dir(Path(short))
        assert place == Path(short) / "agent" / "run"
        assert stat.S_IMODE(place.stat().st_mode) == 0o700


def test_the_agents_socket_lies_in_its_directory_if_the_path_is_short() -> None:
    assert places.socket_path(Path("/d")) == Path("/d/agent/agent.sock")


def test_the_socket_of_a_deep_data_directory_lies_in_the_runtime_directory(tmp_path: Path) -> None:
    deep = tmp_path / ("deep" * 30)
    path = places.socket_path(deep)
    assert path == places.runtime_dir(deep) / "agent.sock"
    assert len(os.fsencode(path)) <= places.LONGEST_SOCKET_PATH
    path.parent.rmdir()


def test_kernels_sockets_can_be_bound_however_deep_the_data_directory(tmp_path: Path) -> None:
    deep = tmp_path / ("deep" * 30)
    path = f"{places.ipc_prefix(deep, KERNEL, 9999)}-5"
    assert len(os.fsencode(path)) <= places.LONGEST_SOCKET_PATH
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(path)
    places.remove_ipc(path.removesuffix("-5"))
    assert not Path(path).exists()
    Path(path).parent.rmdir()


def test_sockets_of_two_kernels_or_attempts_never_meet(data_dir: Path, runtime: Path) -> None:
    other = KERNEL[:8] + str(uuid4())[8:]
    prefixes = {
        places.ipc_prefix(data_dir, kernel, attempt)
        for kernel in (KERNEL, other)
        for attempt in (1, 2, 11)
    }
    assert len(prefixes) == 6
    runtime.rmdir()


def test_removing_sockets_leaves_those_of_others(tmp_path: Path) -> None:
    kept = ["k-11-1", "k-2-1", "k-1", "k-1-x", "other"]
    for name in [*kept, "k-1-1", "k-1-5"]:
        (tmp_path / name).touch()
    places.remove_ipc(str(tmp_path / "k-1"))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(kept)


def test_removing_sockets_of_a_place_that_is_gone_is_no_error(tmp_path: Path) -> None:
    places.remove_ipc(str(tmp_path / "gone" / "k-1"))
    assert not (tmp_path / "gone").exists()


def test_a_private_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "order.json"
    path.write_bytes(b"old")
    with path.open("rb") as reader:
        places.write_private(path, b"new")
        assert reader.read() == b"old"
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_private_file_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "directory"
    path.mkdir()
    (path / "inside").touch()
    with pytest.raises(OSError):
        places.write_private(path, b"content")
    assert list(tmp_path.iterdir()) == [path]


def test_sockets_of_kernels_that_do_not_live_are_swept(data_dir: Path) -> None:
    other = KERNEL.replace("0123abcd", "ffffffff")
    names = [f"{places.ipc_prefix(data_dir, one, 2)}-3" for one in (KERNEL, other)]
    keep = places.runtime_dir(data_dir) / "agent.sock"
    for path in (*map(Path, names), keep):
        path.touch()
    places.sweep_ipc(data_dir, [KERNEL])
    assert [Path(name).exists() for name in names] == [True, False]
    places.remove_ipc_of(data_dir, KERNEL)
    assert not Path(names[0]).exists()
    assert keep.exists()
    keep.unlink()
    places.runtime_dir(data_dir).rmdir()
