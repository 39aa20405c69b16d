"""Arguments win over the environment, the environment over the local server's file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kernelyard.client import KernelyardError, NoServerError, find_server
from kernelyard.client.settings import read_again


def runs(directory: Path, url: str = "http://127.0.0.1:4321", holds: str = "local") -> None:
    (directory / "admin-token").write_text(f"{holds}\n")
    said = {"url": url, "token_file": str(directory / "admin-token"), "pid": 1}
    (directory / "server.json").write_text(json.dumps(said))


def test_an_argument_wins_over_the_environment_and_the_local_server(tmp_path: Path) -> None:
    runs(tmp_path)
    env = {"KERNELYARD_URL": "http://env:1", "KERNELYARD_TOKEN": "e", "KERNELYARD_DATA_DIR": "x"}
    address = find_server("https://yard.example/base/", "mine", data_dir=tmp_path, environ=env)
    assert (address.url, address.token) == ("https://yard.example/base", "mine")


def test_the_environment_wins_over_the_local_server(tmp_path: Path) -> None:
    runs(tmp_path)
    env = {
        "KERNELYARD_URL": "http://env:1",
        "KERNELYARD_TOKEN": "e",
        "KERNELYARD_DATA_DIR": str(tmp_path),
    }
    address = find_server(environ=env)
    assert (address.url, address.token, address.source) == ("http://env:1", "e", "KERNELYARD_URL")


def test_the_local_server_is_found_with_its_token(tmp_path: Path) -> None:
    runs(tmp_path)
    address = find_server(environ={"KERNELYARD_DATA_DIR": str(tmp_path)})
    assert (address.url, address.token) == ("http://127.0.0.1:4321", "local")
    assert address.is_loopback
    assert "'local'" not in repr(address)


def test_a_data_directory_given_as_an_argument_wins_over_an_address_in_the_environment(
    tmp_path: Path,
) -> None:
    runs(tmp_path)
    env = {"KERNELYARD_URL": "http://env:1", "KERNELYARD_TOKEN": "for another server"}
    address = find_server(data_dir=tmp_path, environ=env)
    assert (address.url, address.token) == ("http://127.0.0.1:4321", "local")


def test_the_local_token_is_sent_to_the_local_server_only(tmp_path: Path) -> None:
    runs(tmp_path)
    env = {"KERNELYARD_DATA_DIR": str(tmp_path)}
    assert find_server("http://127.0.0.1:4321/", environ=env).token == "local"
    assert find_server("http://elsewhere:4321", environ=env).token is None


def test_without_any_server_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NoServerError, match="kernelyard serve"):
        find_server(environ={"KERNELYARD_DATA_DIR": str(tmp_path)})


@pytest.mark.parametrize("text", ["", "{", "[]", '{"url": 5}'])
def test_a_torn_file_counts_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "server.json").write_text(text)
    with pytest.raises(NoServerError):
        find_server(data_dir=tmp_path, environ={})


@pytest.mark.parametrize("url", ["yard.example", "ftp://yard.example", "http://", "http://a:b:c"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(KernelyardError, match="no server's address"):
        find_server(url, environ={})


def test_a_secret_in_the_address_is_refused() -> None:
    with pytest.raises(KernelyardError, match="KERNELYARD_TOKEN") as caught:
        find_server("http://yard.example?token=hush", environ={})
    assert "hush" not in str(caught.value)


def test_a_given_token_stays_when_the_local_server_moves(tmp_path: Path) -> None:
    runs(tmp_path)
    address = find_server(token="mine", data_dir=tmp_path, environ={})
    runs(tmp_path, "http://127.0.0.1:9999", "new")
    moved = read_again(address)
    assert (moved.url, moved.token) == ("http://127.0.0.1:9999", "mine")
    assert read_again(moved) == moved


@pytest.mark.parametrize(
    ("url", "loopback"),
    [("http://localhost", True), ("http://[::1]:1", True), ("http://10.0.0.1", False)],
)
def test_loopback_is_known_by_address(url: str, loopback: bool) -> None:
    assert find_server(url, environ={}).is_loopback is loopback
