"""What a user can meet is on a page, and the map of the code shows what is there."""

from __future__ import annotations

import inspect
import re
import tomllib

import pytest

from kernelyard.cli.main import COMMANDS
from kernelyard.model import errors
from kernelyard.plugins import GROUPS
from kernelyard.settings import Settings, variable_of

from tests.architecture.sources import PACKAGE, ROOT

ERRORS = [
    error
    for _, error in inspect.getmembers(errors, inspect.isclass)
    if issubclass(error, errors.YardError)
]


def _page(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_every_error_has_its_own_code_and_is_in_the_reference(
    error: type[errors.YardError],
) -> None:
    assert [other for other in ERRORS if other.code == error.code] == [error]
    assert f"| `{error.code}` |" in _page("docs/reference/errors.md")


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_every_error_says_in_two_sentences_what_is_wrong_and_what_to_do(
    error: type[errors.YardError],
) -> None:
    sentences = re.split(r"[.;:] ", (error.__doc__ or "").strip().rstrip("."))
    assert error().message == (error.__doc__ or "").strip()
    assert len(sentences) >= (1 if error is errors.Conflict else 2)


@pytest.mark.parametrize("name", list(Settings.model_fields))
def test_every_setting_is_described_and_in_the_reference(name: str) -> None:
    assert Settings.model_fields[name].description
    assert f"| `{name}` |" in _page("docs/reference/settings.md")
    assert f"`{variable_of(name)}`" in _page("docs/reference/settings.md")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_in_the_reference(command: str) -> None:
    assert f"\n### kernelyard {command}\n" in _page("docs/reference/cli.md")


def test_every_entry_point_group_is_known_and_documented() -> None:
    project = tomllib.loads(_page("pyproject.toml"))["project"]
    every = project["entry-points"]
    ours = {group: every[group] for group in every if group.startswith("kernelyard.")}
    assert set(ours) == set(GROUPS)
    settings_page = _page("docs/reference/settings.md")
    for group, points in ours.items():
        assert f"`{group}`" in settings_page
        assert all(f"`{name}`" in settings_page for name in points)


def test_the_map_names_every_room_and_every_file_it_names_exists() -> None:
    page = _page("ARCHITECTURE.md")
    named = set(re.findall(r"\]\((src/kernelyard/[^)#]+)\)", page))
    rooms = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    assert not {name for name in named if not (ROOT / name).exists()}
    assert rooms <= {name.split("/")[2] for name in named}


def test_the_import_rules_name_every_room_of_the_map() -> None:
    rules = _page(".importlinter")
    for room in re.findall(
        r"^\| \[(\w+)\]\(src/kernelyard/", _page("ARCHITECTURE.md"), re.MULTILINE
    ):
        assert f"kernelyard.{room}" in rules or re.search(
            rf"^    .*\b{room}\b", rules, re.MULTILINE
        )


def test_the_changelog_names_every_command() -> None:
    changelog = _page("CHANGELOG.md")
    assert not [command for command in COMMANDS if f"`{command}`" not in changelog]
