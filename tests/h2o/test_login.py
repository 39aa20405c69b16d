"""Every way in which users of the published client log in, with a server's address and a token."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.live_server import LiveServer
from tests.support.published_h2o import PublishedClient

LIST = """
images = clients.kernel_image_client.list_all_kernel_images(parent="workspaces/global")
print("workspaces/global/kernelImages/python" in [image.name for image in images])
"""
NOTHING = {"H2O_CLOUD_ENVIRONMENT": "", "H2O_CLOUD_CLIENT_PLATFORM_TOKEN": ""}
"""Settings of the environment that are not to be there."""


def logs_in(h2o: PublishedClient, call: str, **environment: str) -> bool:
    """Log in by a call, and see whether images can be listed then."""
    script = f"import h2o_notebook\nclients = h2o_notebook.{call}\n{LIST}"
    return h2o.printed(script, **environment).strip() == "True"


def test_two_variables_are_enough(h2o: PublishedClient) -> None:
    assert logs_in(h2o, "login()")


def test_an_address_and_a_token_may_be_given(h2o: PublishedClient) -> None:
    where = f"environment={h2o.url!r}"
    assert logs_in(h2o, f"login({where}, platform_token={h2o.token!r})", **NOTHING)


def test_a_provider_of_tokens_may_be_given(h2o: PublishedClient) -> None:
    where = f"environment={h2o.url!r}"
    assert logs_in(h2o, f"login({where}, token_provider=lambda: {h2o.token!r})", **NOTHING)


def test_the_endpoint_and_the_issuer_may_be_given(h2o: PublishedClient) -> None:
    endpoint, issuer = h2o.url, h2o.url.rstrip("/")
    call = f"login_custom({endpoint!r}, {h2o.token!r}, {issuer!r}, 'any-client')"
    assert logs_in(h2o, call, **NOTHING)
    with_a_secret = f"login_custom({endpoint!r}, {h2o.token!r}, {issuer!r}, 'any', 'secret')"
    assert logs_in(h2o, with_a_secret, **NOTHING)


def test_the_address_of_the_documents_may_be_given(h2o: PublishedClient) -> None:
    documents = f"{h2o.url.rstrip('/')}/.ai.h2o.cloud.discovery"
    assert logs_in(h2o, "login()", H2O_CLOUD_ENVIRONMENT="", H2O_CLOUD_DISCOVERY=documents)


def test_the_token_endpoint_may_be_given(h2o: PublishedClient) -> None:
    endpoint = f"{h2o.url.rstrip('/')}/oidc/token"
    assert logs_in(h2o, "login()", H2O_CLOUD_TOKEN_ENDPOINT_URL=endpoint)


@pytest.mark.parametrize("way", ["argument", "variable", "home"])
def test_a_configuration_file_may_say_both(h2o: PublishedClient, way: str) -> None:
    config = f'Endpoint = "{h2o.url}"\nPlatformClientID = "kernelyard"\n'
    config += f'PlatformToken = "{h2o.token}"\n'
    file = h2o.home / "settings.toml"
    if way == "home":
        file = h2o.home / ".h2oai" / "h2o-cli-config.toml"
        file.parent.mkdir()
    file.write_text(config)
    call = f"login(config_path={str(file)!r})" if way == "argument" else "login()"
    variable = {"H2OCONFIG": str(file)} if way == "variable" else {}
    assert logs_in(h2o, call, **NOTHING, **variable)


def test_a_wrong_token_is_told_at_once(h2o: PublishedClient) -> None:
    said = h2o.run(
        "import h2o_notebook\nh2o_notebook.login()", H2O_CLOUD_CLIENT_PLATFORM_TOKEN="wrong"
    )
    assert said.code != 0
    assert "invalid_grant" in said.err
    assert "This token is not valid" in said.err


def test_a_token_provider_with_a_wrong_token_is_refused_by_the_first_request(
    h2o: PublishedClient,
) -> None:
    said = h2o.run(f"import h2o_notebook\nclients = h2o_notebook.login(token_provider=str)\n{LIST}")
    assert said.code != 0
    assert "401" in said.err


def test_a_server_below_a_path_is_found(h2o: PublishedClient, tmp_path: Path) -> None:
    with LiveServer(tmp_path / "data", "--base-url", "/the/yard") as moved:
        assert moved.url.rstrip("/").endswith("/the/yard")
        assert logs_in(
            h2o,
            "login()",
            H2O_CLOUD_ENVIRONMENT=moved.url.rstrip("/"),
            H2O_CLOUD_CLIENT_PLATFORM_TOKEN=moved.token,
        )
