"""Before a server listens: the data directory, its lock, the token, the address."""

from __future__ import annotations

import os
import socket
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kernelyard.cli.admin_token import (
    check_listening,
    find_admin_token,
    is_loopback,
    kept_admin_token,
    make_admin_token,
)
from kernelyard.cli.complaints import Complaint
from kernelyard.cli.listening import bind, url_of
from kernelyard.cli.runtime_files import (
    Runtime,
    listening_holder,
    lock_holder,
    read_runtime,
    remove_runtime,
    server_lock,
    write_runtime,
)
from kernelyard.cli.serve import place_of, prepare_data_dir
from kernelyard.settings import Settings

EVERYWHERE = "0.0.0.0"  # noqa: S104 - what the rule about tokens is for


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def a_runtime(data_dir: Path) -> Runtime:
    return Runtime(
        url="http://127.0.0.1:1/",
        pid=os.getpid(),
        token_file=None,
        started_at="2026-01-01T00:00:00Z",
        data_dir=str(data_dir),
        version="0",
    )


def test_the_data_directory_is_for_its_owner_alone(tmp_path: Path) -> None:
    fresh = tmp_path / "a" / "b"
    prepare_data_dir(fresh)
    assert mode_of(fresh) == 0o700
    fresh.chmod(0o755)
    prepare_data_dir(fresh)
    assert mode_of(fresh) == 0o700


def test_a_data_directory_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Complaint, match="--data-dir"):
        prepare_data_dir(tmp_path / "file")


def test_a_second_server_on_a_data_directory_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with server_lock(tmp_path):
        write_runtime(tmp_path, a_runtime(tmp_path))
        assert lock_holder(tmp_path) == os.getpid()
        with pytest.raises(Complaint) as refused, server_lock(tmp_path):
            pass
    message = refused.value.message
    assert f"another server (pid {os.getpid()}, http://127.0.0.1:1/) already uses" in message
    assert f"kernelyard stop --data-dir {tmp_path}" in message


def test_the_lock_goes_with_its_holder(tmp_path: Path) -> None:
    with server_lock(tmp_path):
        pass
    assert lock_holder(tmp_path) is None
    with server_lock(tmp_path):
        assert lock_holder(tmp_path) == os.getpid()


def test_a_server_that_is_just_starting_is_waited_for_until_it_listens(tmp_path: Path) -> None:
    with server_lock(tmp_path), ThreadPoolExecutor(1) as aside:
        found = aside.submit(listening_holder, tmp_path, patience=30)
        with pytest.raises(TimeoutError):
            found.result(timeout=0.2)
        write_runtime(tmp_path, a_runtime(tmp_path))
        assert found.result(timeout=10) == os.getpid()


def test_a_server_that_never_listens_is_told_when_patience_is_over(tmp_path: Path) -> None:
    with server_lock(tmp_path):
        assert listening_holder(tmp_path, patience=0) == os.getpid()
    assert listening_holder(tmp_path, patience=30) is None


def test_nobody_holds_a_directory_that_is_not_there(tmp_path: Path) -> None:
    assert lock_holder(tmp_path / "none") is None


def test_the_runtime_file_is_private_and_read_as_it_was_written(tmp_path: Path) -> None:
    write_runtime(tmp_path, a_runtime(tmp_path))
    assert read_runtime(tmp_path) == a_runtime(tmp_path)
    assert mode_of(tmp_path / "server.json") == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["server.json"]
    remove_runtime(tmp_path)
    assert read_runtime(tmp_path) is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"url": 1}'])
def test_a_runtime_file_of_another_form_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "server.json").write_text(text)
    assert read_runtime(tmp_path) is None


def test_a_made_token_is_kept_privately_and_found_again(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    assert find_admin_token(settings) is None
    made = kept_admin_token(make_admin_token(), tmp_path)
    assert mode_of(tmp_path / "admin-token") == 0o600
    found = find_admin_token(settings)
    assert found is not None
    assert (found.text, found.fresh) == (made.text, False)
    assert make_admin_token().text != made.text


def test_a_preset_token_wins_and_is_never_written(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("from-the-file\n")
    by_file = find_admin_token(Settings(data_dir=tmp_path, admin_token_file=secret))
    assert by_file is not None
    assert by_file.text == "from-the-file"
    preset = Settings(
        data_dir=tmp_path, admin_token_file=secret, admin_token="from-the-environment"
    )
    by_environment = find_admin_token(preset)
    assert by_environment is not None
    assert kept_admin_token(by_environment, tmp_path).text == "from-the-environment"
    assert not (tmp_path / "admin-token").exists()


@pytest.mark.parametrize("text", ["", "short", "with some spaces", "schlüssel-schlüssel"])
def test_a_token_that_cannot_be_one_is_refused(tmp_path: Path, text: str) -> None:
    secret = tmp_path / "secret"
    secret.write_text(text)
    with pytest.raises(Complaint, match=str(secret)):
        find_admin_token(Settings(data_dir=tmp_path, admin_token_file=secret))


def test_a_token_file_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Complaint, match="cannot be read"):
        find_admin_token(Settings(data_dir=tmp_path, admin_token_file=tmp_path / "none"))


def test_listening_beyond_loopback_needs_a_token_that_was_there_before(tmp_path: Path) -> None:
    outside = Settings(data_dir=tmp_path, host=EVERYWHERE)
    with pytest.raises(Complaint, match="KERNELYARD_ADMIN_TOKEN or --admin-token-file"):
        check_listening(outside, find_admin_token(outside))
    kept_admin_token(make_admin_token(), tmp_path)
    check_listening(outside, find_admin_token(outside))
    check_listening(Settings(data_dir=tmp_path, host="127.0.0.1"), None)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        (EVERYWHERE, False),
        ("::", False),
        ("192.0.2.1", False),
        ("no such host", False),
    ],
)
def test_loopback_is_recognised(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_port_0_gives_a_real_port() -> None:
    with bind("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        assert port > 0
        assert url_of(listener, "/yard/") == f"http://127.0.0.1:{port}/yard/"


def test_a_port_in_use_is_refused_with_what_to_do() -> None:
    with bind("127.0.0.1", 0) as listener, pytest.raises(Complaint, match="--port 0"):
        bind("127.0.0.1", listener.getsockname()[1])


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host"])
def test_an_address_that_is_not_ours_is_refused(host: str) -> None:
    with pytest.raises(Complaint, match="correct --host"):
        bind(host, 0)


def test_the_printed_address_can_be_used_from_this_machine() -> None:
    with bind(EVERYWHERE, 0) as listener:
        host, _, port = url_of(listener, "/")[len("http://") : -1].rpartition(":")
        with socket.create_connection((host, int(port)), timeout=5):
            pass


def test_a_server_that_others_can_reach_says_so() -> None:
    assert place_of("127.0.0.1", "http://127.0.0.1:8700/") == "http://127.0.0.1:8700/"
    assert place_of(EVERYWHERE, "http://127.0.0.1:8700/y/") == (
        "0.0.0.0:8700 (open to other machines); from here http://127.0.0.1:8700/y/"
    )
    assert place_of("::", "http://[::1]:8700/").startswith("[::]:8700 (open")
