"""What the tests of the H2O door stand on.

- the published client is installed in the releases that are tested
- a script of it sees the server and the token, and nothing of the machine's own settings
"""

from __future__ import annotations

import json

import pytest

from tests.support.live_server import LiveServer
from tests.support.published_h2o import PublishedClient

RELEASE = """
import importlib.metadata
import h2o_notebook
print(importlib.metadata.version("h2o-notebook"))
"""
SETTINGS = """
import json, os
print(json.dumps({k: v for k, v in os.environ.items() if k.startswith("H2O")}))
"""


def test_the_published_client_is_installed_in_the_releases_that_are_tested(
    h2o: PublishedClient, old_h2o: PublishedClient
) -> None:
    assert h2o.printed(RELEASE).strip() == "0.6.5"
    assert old_h2o.printed(RELEASE).strip() == "0.4.1"


def test_a_script_sees_the_server_and_nothing_of_the_machines_own_settings(
    h2o: PublishedClient, live: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("H2OCONFIG", "elsewhere.toml")
    assert json.loads(h2o.printed(SETTINGS)) == {
        "H2O_CLOUD_ENVIRONMENT": live.url,
        "H2O_CLOUD_CLIENT_PLATFORM_TOKEN": live.token,
    }
