"""A provider gets what is set for it, typed; what is wrong is told by name, and others go on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import ClassVar

import msgspec
import pytest

from kernelyard.model.errors import ImageNotFound
from kernelyard.model.images import FoundImage
from kernelyard.providers.catalogue import Catalogue
from kernelyard.providers.launcher import LaunchRequest
from kernelyard.providers.provider import Provider
from kernelyard.providers.settings import ProviderSettings, WrongSettings, checked, make

from tests.support.misfit_providers import WellBehaved, an_image, entry

ASKED = LaunchRequest(kernel_id="00000000-0000-4000-8000-000000000000")


@dataclass(frozen=True)
class Shelf:
    """Settings of each sort."""

    folders: tuple[Path, ...] = ()
    depth: int = 2
    names: dict[str, str] | None = None


class Sheet(msgspec.Struct, frozen=True):
    """The same with msgspec."""

    depth: int = 2


class Shelved(Provider):
    """Lists what it is told."""

    name = "shelved"
    Settings: ClassVar[type] = Shelf

    def __init__(self, settings: Shelf) -> None:
        self.settings = settings

    def find(self) -> list[FoundImage]:
        return [an_image("shelved", folder.name) for folder in self.settings.folders]


def settings_in(file: Path, **tables: object) -> ProviderSettings:
    file.write_text(json.dumps(tables))
    return ProviderSettings(file)


def test_a_table_becomes_what_the_provider_declares() -> None:
    table = {"folders": ["~/a", "/b"], "depth": 3, "names": {"x": "y"}}
    made = make(Shelved, "shelved", table)
    assert isinstance(made, Shelved)
    assert made.settings == Shelf((Path.home() / "a", Path("/b")), 3, {"x": "y"})
    assert checked(Sheet, "s", {"depth": 1}) == Sheet(1)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"folder": []}, "no setting 'folder'. Did you mean 'folders'? It has: folders, depth"),
        ({"depth": "two"}, "'depth': expected `int`, got `str`"),
        ({"folders": ["/a", 3]}, "'folders[1]': expected `"),
        ({"names": {"x": 1}}, "expected `str`, got `int`"),
    ],
)
def test_what_is_wrong_is_told_with_its_key(table: dict[str, object], said: str) -> None:
    with pytest.raises(WrongSettings) as caught:
        make(Shelved, "shelved", table)
    assert said in str(caught.value)
    assert "Correct [providers.shelved]" in str(caught.value)


def test_a_provider_without_settings_refuses_any() -> None:
    assert make(WellBehaved, "good", {"enabled": True}).name == "good"
    with pytest.raises(WrongSettings, match="no setting 'colour'"):
        make(WellBehaved, "good", {"colour": 1})


async def test_a_provider_that_is_switched_off_is_not_even_loaded(tmp_path: Path) -> None:
    settings = settings_in(tmp_path / "set.json", gone={"enabled": False}, good={"enabled": 1})
    gone = EntryPoint("gone", "no_such_module_anywhere:Provider", "kernelyard.providers")
    catalogue = Catalogue([gone, entry("good", "WellBehaved")], settings=settings)
    images = await catalogue.images()
    assert images.images == []
    (broken,) = images.broken
    assert "'enabled' must be true or false" in broken.problem
    with pytest.raises(ImageNotFound, match="enabled = false"):
        await catalogue.prepare("gone", "one", ASKED)


async def test_wrong_settings_of_one_provider_leave_the_others(tmp_path: Path) -> None:
    settings = settings_in(tmp_path / "set.json", nonsense={"x": 1}, goood={"y": 2}, late=3)
    catalogue = Catalogue(
        [entry("good", "WellBehaved"), entry("nonsense", "ListsNonsense")], settings=settings
    )
    images = await catalogue.images()
    assert [image.reference for image in images.images] == ["good/one", "good/two"]
    problems = {broken.provider: broken.problem for broken in images.broken}
    assert "no setting 'x'" in problems["nonsense"]
    assert "Did you mean 'good'?" in problems["goood"]
    assert "no such provider is installed" in problems["late"]


async def test_a_change_is_in_force_at_the_next_look(tmp_path: Path) -> None:
    file = tmp_path / "set.json"
    catalogue = Catalogue([entry("good", "WellBehaved")], settings=ProviderSettings(file))
    assert len((await catalogue.images()).images) == 2
    settings_in(file, good={"enabled": False})
    assert (await catalogue.images(refresh=True)).images == []
    settings_in(file, good={"enable": False, "more": 1})
    assert len((await catalogue.images(refresh=True)).broken) == 1
    file.unlink()
    assert len((await catalogue.images(refresh=True)).images) == 2


@pytest.mark.parametrize("text", ["{", "[]", "\xff", '"x"'])
async def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, text: str) -> None:
    file = tmp_path / "set.json"
    file.write_bytes(text.encode("latin-1"))
    catalogue = Catalogue([entry("good", "WellBehaved")], settings=ProviderSettings(file))
    (broken,) = (await catalogue.images()).broken
    assert str(file) in broken.problem


def test_an_agent_started_by_hand_may_be_given_the_servers_own_file(tmp_path: Path) -> None:
    file = tmp_path / "kernelyard.toml"
    file.write_text('port = 1\n[providers.shelved]\nfolders = ["/a"]\n')
    assert ProviderSettings(file).of("shelved") == {"folders": ["/a"]}
    file.write_text('shelved.folders = ["/b"]\nodd = 3')
    settings = ProviderSettings(file)
    assert settings.of("shelved") == {"folders": ["/b"]}
    with pytest.raises(WrongSettings, match="no table"):
        settings.of("odd")
