"""Settings: four layers of one strength order, and nothing that is not a setting."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kernelyard.model.errors import Invalid
from kernelyard.settings import Settings, flag_of, variable_of


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    import os

    for name in list(os.environ):
        if name.startswith("KERNELYARD_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return


def a_file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "yard.toml"
    path.write_text(text)
    return path


def test_without_anything_the_defaults_hold() -> None:
    loaded = Settings.load()
    assert loaded.settings.host == "127.0.0.1"
    assert loaded.settings.port == 8700
    assert loaded.settings.body_limit == 16 * 1024**2
    assert loaded.settings.agent_idle_exit == 300.0
    assert set(loaded.sources.values()) == {"default"}


def test_flag_beats_environment_beats_file_beats_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = a_file(tmp_path, 'port = 1\nhost = "::1"\nmax_kernels = 3\n')
    monkeypatch.setenv("KERNELYARD_PORT", "2")
    monkeypatch.setenv("KERNELYARD_HOST", "localhost")
    loaded = Settings.load({"port": "3", "host": None}, config=file)
    assert (loaded.settings.port, loaded.sources["port"]) == (3, "flag")
    assert (loaded.settings.host, loaded.sources["host"]) == ("localhost", "environment")
    assert (loaded.settings.max_kernels, loaded.sources["max_kernels"]) == (3, f"file {file}")
    assert loaded.sources["store"] == "default"


def test_the_file_may_be_named_in_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERNELYARD_CONFIG", str(a_file(tmp_path, "port = 9\n")))
    assert Settings.load().settings.port == 9


def test_the_users_own_file_is_read_if_there_is_one(tmp_path: Path) -> None:
    own = tmp_path / "config" / "kernelyard" / "kernelyard.toml"
    own.parent.mkdir(parents=True)
    own.write_text("port = 10\n")
    loaded = Settings.load()
    assert loaded.settings.port == 10
    assert loaded.config_file == own


def test_a_settings_object_made_directly_ignores_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KERNELYARD_PORT", "2")
    assert Settings().port == 8700


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("body_limit", "3Mi", 3 * 1024**2),
        ("task_output_limit", "0", 0),
        ("kernel_start_timeout", "1m30s", 90.0),
        ("agent_idle_exit", "2", 2.0),
        ("log_json", "true", True),
        ("base_url", "yard", "/yard/"),
        ("base_url", "/a/b/", "/a/b/"),
    ],
)
def test_values_are_written_as_people_write_them(name: str, text: str, value: object) -> None:
    assert getattr(Settings.load({name: text}).settings, name) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("body_limit", "3Zi"),
        ("body_limit", "-1"),
        ("kernel_start_timeout", "0"),
        ("agent_idle_exit", "soon"),
        ("port", "65536"),
        ("port", "http"),
        ("max_kernels", "-1"),
        ("log_level", "loud"),
        ("base_url", "/a/../b"),
        ("base_url", "/a?b"),
        ("max_output_page", "0"),
    ],
)
def test_a_bad_value_is_refused_with_the_name_of_its_setting(name: str, text: str) -> None:
    with pytest.raises(Invalid, match=name) as caught:
        Settings.load({name: text})
    assert caught.value.field == name


def test_a_bad_value_tells_where_it_came_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERNELYARD_PORT", "http")
    with pytest.raises(Invalid, match="from KERNELYARD_PORT"):
        Settings.load()


def test_an_unknown_name_in_the_file_is_refused_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="'prot'.*Did you mean 'port'"):
        Settings.load(config=a_file(tmp_path, "prot = 1\n"))


def test_an_unknown_variable_is_refused_with_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERNELYARD_LOG_JASON", "1")
    with pytest.raises(Invalid, match="Did you mean 'KERNELYARD_LOG_JSON'"):
        Settings.load()


def test_variables_of_the_client_are_no_settings_and_no_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KERNELYARD_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("KERNELYARD_TOKEN", "secret-of-a-user")
    assert "secret-of-a-user" not in repr(Settings.load())


def test_a_file_that_is_missing_or_no_toml_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="cannot be read"):
        Settings.load(config=tmp_path / "none.toml")
    with pytest.raises(Invalid, match="is not TOML"):
        Settings.load(config=a_file(tmp_path, "port ="))


def test_the_admin_token_may_not_stand_in_a_file(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="KERNELYARD_ADMIN_TOKEN"):
        Settings.load(config=a_file(tmp_path, 'admin_token = "hunter22"\n'))


def test_the_admin_token_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERNELYARD_ADMIN_TOKEN", "hunter22-hunter22")
    loaded = Settings.load()
    assert loaded.settings.admin_token is not None
    assert loaded.settings.admin_token.get_secret_value() == "hunter22-hunter22"
    assert "hunter22" not in repr(loaded)


def test_the_address_of_the_store_comes_from_the_environment_and_is_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "postgresql://ada:hunter22@host/yard"
    with pytest.raises(Invalid, match="KERNELYARD_STORE_URL.*'store_url_file'") as caught:
        Settings.load(config=a_file(tmp_path, f'store_url = "{url}"\n'))
    assert "hunter22" not in str(caught.value)
    monkeypatch.setenv("KERNELYARD_STORE_URL", url)
    loaded = Settings.load()
    assert loaded.settings.store_url is not None
    assert loaded.settings.store_url.get_secret_value() == url
    assert "hunter22" not in f"{loaded!r} {loaded.settings.store_url}"


def test_paths_are_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Settings.load({"data_dir": "here"}).settings.data_dir == tmp_path.resolve() / "here"


def test_each_setting_is_described_and_has_a_flag_and_a_variable() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert field.description.endswith("."), name
        assert flag_of(name) == "--" + name.replace("_", "-")
        assert variable_of(name) == "KERNELYARD_" + name.upper()


def test_tables_of_providers_are_laid_over_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = a_file(tmp_path, '[providers.virtualenv]\nfolders = ["/a"]\nown = false\n')
    monkeypatch.setenv("KERNELYARD_PROVIDERS", '{"virtualenv": {"folders": ["/b"]}}')
    loaded = Settings.load({"providers": "conda.enabled = false"}, config=file)
    assert loaded.settings.providers == {
        "virtualenv": {"folders": ["/b"], "own": False},
        "conda": {"enabled": False},
    }
    assert loaded.sources["providers"] == "flag"
    for text in ("virtualenv", "virtualenv = 3", "{}{"):
        with pytest.raises(Invalid, match="--providers"):
            Settings.load({"providers": text}, config=file)
    monkeypatch.setenv("KERNELYARD_PROVIDERS", "virtualenv = 31337")
    with pytest.raises(Invalid, match="'providers.virtualenv'.*KERNELYARD_PROVIDERS") as caught:
        Settings.load(config=file)
    assert "31337" not in caught.value.message


def test_what_is_wrong_with_a_table_is_told_of_the_source_that_says_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERNELYARD_PROVIDERS", "virtualenv.folders = []")
    monkeypatch.setenv("KERNELYARD_POOLS", "py.image = 'python3'")
    for text, said in (
        ("providers = 3", "'providers' .from file "),
        ("pools = {x = 1}", "'pools.x' .from file "),
    ):
        with pytest.raises(Invalid, match=said):
            Settings.load(config=a_file(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("py.image = 3", "'pools.py.image' must be text"),
        ("py.image = ''", "'pools.py' must say of which image"),
        ("py.size = 3", "'pools.py' must say of which image"),
        ("py = {image = 'a', size = -1}", "0 to 1000"),
        ("py.image = 'a'\nq.image = 'a'", "'pools.py' and 'pools.q' are of the same"),
    ],
)
def test_pools_are_checked_with_the_other_settings(text: str, said: str) -> None:
    with pytest.raises(Invalid, match=said) as caught:
        Settings.load({"pools": text})
    assert "(from --pools)" in str(caught.value)
    assert not str(caught.value).endswith("..")


def test_pools_of_the_file_are_completed_by_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERNELYARD_POOLS", "py.image = 'python3'")
    loaded = Settings.load(config=a_file(tmp_path, "[pools.py]\nsize = 3\n"))
    assert loaded.settings.pools == {"py": {"size": 3, "image": "python3"}}
