"""Which server ``login`` takes, with which token; and that one server's token is not told to another."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kernelyard.compat import h2o_notebook
from kernelyard.compat.h2o_notebook.clients.connecting import client_of, context_of
from kernelyard.compat.h2o_notebook.exception import (
    ConnectionException,
    CustomApiException,
    LoginException,
    NotSupportedException,
)

from tests.support.flaky_server import FlakyServer, Reply, Request, flaky_server
from tests.support.yard_answers import refuse, say

HERE = "http://127.0.0.1:1"
CLOUD = "https://cloud.example"


@pytest.fixture(autouse=True)
def nothing_is_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith(("KERNELYARD_", "H2O")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("KERNELYARD_DATA_DIR", str(tmp_path / "data"))


def found(
    environment: str | None = None, token: str | None = None, config: str | None = None
) -> tuple[str, str | None]:
    """The server and token that are chosen."""
    with client_of(environment, None, token, config, None) as client:
        return client.url, client._http.address.token


def a_local_server(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "token").write_text("local-token")
    told = {"url": HERE, "token_file": str(tmp_path / "data" / "token")}
    (tmp_path / "data" / "server.json").write_text(json.dumps(told))


def a_config(tmp_path: Path, **keys: str) -> str:
    file = tmp_path / "h2o.toml"
    file.write_text("\n".join(f'{key} = "{value}"' for key, value in keys.items()))
    return str(file)


def test_without_a_word_it_is_the_server_of_this_machine(tmp_path: Path) -> None:
    a_local_server(tmp_path)
    assert found() == (HERE, "local-token")
    assert found(token="mine") == (HERE, "mine")


def test_the_yards_own_variables_come_before_those_of_the_cloud(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("H2O_CLOUD_ENVIRONMENT", CLOUD)
    monkeypatch.setenv("H2O_CLOUD_CLIENT_PLATFORM_TOKEN", "platform")
    assert found() == (CLOUD, "platform")
    monkeypatch.setenv("KERNELYARD_URL", "http://yard.example")
    monkeypatch.setenv("KERNELYARD_TOKEN", "ours")
    assert found() == ("http://yard.example", "ours")


def test_arguments_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERNELYARD_URL", "http://yard.example")
    monkeypatch.setenv("KERNELYARD_TOKEN", "ours")
    assert found("http://other.example", "theirs") == ("http://other.example", "theirs")
    monkeypatch.setenv("H2O_CLOUD_CLIENT_PLATFORM_TOKEN", "platform")
    assert found("http://other.example") == ("http://other.example", "platform")


def test_the_yards_token_is_not_sent_to_the_cloud_nor_the_reverse(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KERNELYARD_TOKEN", "ours")
    monkeypatch.setenv("H2O_CLOUD_ENVIRONMENT", CLOUD)
    with pytest.raises(LoginException, match="no token for https://cloud.example"):
        found()
    monkeypatch.delenv("KERNELYARD_TOKEN")
    monkeypatch.setenv("H2O_CLOUD_CLIENT_PLATFORM_TOKEN", "platform")
    monkeypatch.setenv("KERNELYARD_URL", "http://yard.example")
    assert found() == ("http://yard.example", None)


def test_a_local_server_that_is_named_is_known_by_its_address(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    a_local_server(tmp_path)
    assert found(HERE) == (HERE, "local-token")
    monkeypatch.setenv("H2O_CLOUD_ENVIRONMENT", HERE)
    assert found() == (HERE, "local-token")


def test_a_configuration_file_names_a_server_and_its_token(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = a_config(tmp_path, Endpoint=CLOUD + "/", PlatformToken="filed")
    monkeypatch.setenv("H2OCONFIG", file)
    assert found() == (CLOUD, "filed")
    monkeypatch.setenv("KERNELYARD_URL", "http://yard.example")
    assert found()[0] == "http://yard.example"
    assert found(config=file) == (CLOUD, "filed")
    with pytest.raises(LoginException, match="no token"):
        found("http://other.example", config=file)


def test_a_configuration_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(LoginException, match="cannot be read"):
        found(config=str(tmp_path / "missing.toml"))
    (tmp_path / "bad.toml").write_text("Endpoint = ")
    with pytest.raises(LoginException, match="cannot be read"):
        found(config=str(tmp_path / "bad.toml"))


def test_without_any_server_it_says_what_to_do() -> None:
    with pytest.raises(LoginException, match="kernelyard serve"):
        h2o_notebook.login()


def test_a_server_that_is_not_there_is_told() -> None:
    with flaky_server(lambda request: say({})) as gone:
        url = gone.url
    with pytest.raises(ConnectionException, match="cannot be reached"):
        h2o_notebook.login(url, platform_token="any")


def test_login_sees_that_the_token_is_good() -> None:
    with (
        flaky_server(lambda request: refuse(401, "unauthenticated")) as server,
        pytest.raises(CustomApiException) as caught,
    ):
        h2o_notebook.login(server.url, platform_token="wrong")
    assert caught.value.status == 401
    assert "wrong" not in str(caught.value)


def sent(server: FlakyServer) -> list[str | None]:
    return [request.headers.get("authorization") for request in server.requests]


def test_a_token_provider_is_asked_for_each_request() -> None:
    tokens = iter(f"token-{number}" for number in range(9))

    def answer(request: Request) -> Reply:
        items: dict[str, object] = {"items": [], "next_cursor": None}
        return say({"name": "ann", "role": "user"} if "whoami" in request.path else items)

    with flaky_server(answer) as server:
        with h2o_notebook.login(server.url, token_provider=lambda: next(tokens)) as clients:
            clients.kernel_template_client.list_all_kernel_templates()
        told = sent(server)
    assert len(told) == 2
    assert told[0] != told[1]
    assert all(one and one.startswith("Bearer token-") for one in told)


def test_certificates_are_checked_as_asked() -> None:
    assert context_of(verify_ssl=True, ssl_ca_cert=None) is None
    lax = context_of(verify_ssl=False, ssl_ca_cert=None)
    assert lax is not None
    assert not lax.check_hostname
    with pytest.raises(OSError, match="No such file"):
        context_of(verify_ssl=True, ssl_ca_cert="/no/such/file.pem")


def test_login_custom_says_what_to_use() -> None:
    with pytest.raises(NotSupportedException, match=r"login\(environment="):
        h2o_notebook.login_custom(HERE, "token", "https://issuer.example", "client")


def test_the_published_packages_name_is_not_taken() -> None:
    code = (
        "import sys\n"
        "from kernelyard.compat import h2o_notebook\n"
        "from kernelyard.compat.h2o_notebook.clients.kernel_image.type import KernelImageType\n"
        "assert not [name for name in sys.modules if name.partition('.')[0] == 'h2o_notebook']\n"
        "try:\n"
        "    import h2o_notebook as published\n"
        "except ModuleNotFoundError as error:\n"
        "    assert error.name == 'h2o_notebook'\n"
        "else:\n"
        "    assert published.__name__ == 'h2o_notebook' and 'kernelyard' not in published.__file__\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=50, check=False
    )
    assert done.returncode == 0, done.stderr
