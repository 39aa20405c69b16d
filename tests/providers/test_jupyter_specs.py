"""Kernelspec managers of other packages are one provider, and none of them can hurt the others."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from pathlib import Path

import pytest

from kernelyard.model.errors import ImageNotFound, ImageNotReady, ResourceNotFound
from kernelyard.model.images import FoundImage
from kernelyard.providers.image_names import with_mark
from kernelyard.providers.jupyter_specs.provider import SpecManagersProvider, SpecManagersSettings
from kernelyard.providers.launcher import LaunchRequest
from kernelyard.providers.settings import WrongSettings, make
from kernelyard.testing.providers import ProviderConformance

from tests.support.environments import a_kernelspec
from tests.support.jupyter_specs import ARGV, Gate

ASKED = LaunchRequest(kernel_id="00000000-0000-4000-8000-000000000000")
CAST = "tests.support.jupyter_specs."
JUPYTERS = "jupyter_client.kernelspec.KernelSpecManager"


@pytest.fixture(autouse=True)
def gate() -> Iterator[None]:
    Gate.opened.clear()
    Gate.asked = 0
    yield
    Gate.opened.set()


def provider_of(*names: str, limit: float = 8.0, **config: dict[str, str]) -> SpecManagersProvider:
    classes = tuple(name if "." in name else CAST + name for name in names)
    return SpecManagersProvider(SpecManagersSettings(classes, config, limit))


def found(provider: SpecManagersProvider) -> dict[str, FoundImage]:
    return {image.name: image for image in provider.find()}


class TestSpecManagers(ProviderConformance):
    """With Jupyter's own, one as conda's, one as a gateway's, and one that fails."""

    def make_provider(self) -> SpecManagersProvider:
        return provider_of(JUPYTERS, "Lazy", "Remote", "Raises")


def test_without_any_class_there_is_nothing() -> None:
    assert SpecManagersProvider().find() == []
    with pytest.raises(ImageNotFound):
        SpecManagersProvider().prepare("python3", ASKED)


def test_jupyters_own_manager_is_one_like_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "share" / "jupyter"))
    directory = a_kernelspec(tmp_path, "mine", argv=ARGV, language="python", display_name="Mine")
    (directory / "logo-svg.svg").write_text("<svg/>")
    (directory / "logo-out.svg").symlink_to("/etc/passwd")
    provider = provider_of(JUPYTERS)
    image = found(provider)["mine"]
    assert (image.reference, image.display_name) == ("spec-managers/mine", "Mine")
    assert (image.version, image.resources) == (platform.python_version(), ("logo-svg.svg",))
    assert provider.resource("mine", "logo-svg.svg") == b"<svg/>"
    with pytest.raises(ResourceNotFound):
        provider.resource("mine", "logo-out.svg")


def test_a_manager_may_decide_at_launch(monkeypatch: pytest.MonkeyPatch) -> None:
    provider = provider_of("Lazy", Lazy={"greeting": "good day"})
    images = found(provider)
    assert images["conda-env-one-py"].display_name == "One [conda env]"
    plan = provider.prepare("conda-env-one-py", ASKED)
    assert plan.env == {"GREETING": "good day", "ACTIVATED": "at launch"}


def test_a_whole_environment_is_reduced_to_what_is_new() -> None:
    assert provider_of("Shy").prepare("conda-env-one-py", ASKED).env == {"ONLY": "this"}


def test_names_that_cannot_be_said_are_changed_and_work() -> None:
    provider = provider_of("Lazy")
    name = with_mark("with-space", f"{CAST}Lazy with space")
    assert found(provider)[name].interrupt_mode == "message"
    assert provider.prepare(name, ASKED).argv == ARGV


def test_kernelspecs_that_are_rubbish_are_listed_with_a_problem() -> None:
    images = found(provider_of("Lazy"))
    for name in ("torn", "none"):
        assert "has no command in 'argv'" in str(images[name].problem)
        with pytest.raises(ImageNotReady):
            provider_of("Lazy").prepare(name, ASKED)


def test_two_managers_with_one_name_are_told_apart() -> None:
    names = set(found(provider_of("Remote", "tests.support.jupyter_specs.Remote")))
    assert names == {"far"}  # one class named twice is one
    provider = provider_of("Lazy", JUPYTERS, "Lazy")
    assert "conda-env-one-py" in found(provider)


def test_files_come_from_the_manager_where_it_knows_how() -> None:
    provider = provider_of("Remote")
    assert found(provider)["far"].resources == ("logo-64x64.png",)
    assert provider.resource("far", "logo-64x64.png") == b"far-away png"
    for file in ("kernel.json", "logo-32x32.png", "../logo-64x64.png"):
        with pytest.raises(ResourceNotFound):
            provider.resource("far", file)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Raises", "it failed: ZeroDivisionError: no luck"),
        ("Exits", "it failed: SystemExit: 3"),
        ("Rubbish", "its get_all_specs() returns no dictionary"),
        ("NoManager", "it is not a KernelSpecManager"),
        ("Missing", "it failed: AttributeError"),
        ("no_such_package.Manager", "it failed: ModuleNotFoundError"),
    ],
)
def test_one_that_fails_is_told_beside_those_of_others(name: str, said: str) -> None:
    provider = provider_of(name, "Remote")
    images = found(provider)
    shown = name.rpartition(".")[2]
    assert set(images) == {"far", shown}
    assert said in str(images[shown].problem)
    assert "leave it out of 'classes'" in str(images[shown].problem)
    with pytest.raises(ImageNotReady):
        provider.prepare(shown, ASKED)
    assert provider.prepare("far", ASKED).argv == ARGV


def test_one_that_hangs_costs_the_others_nothing_and_is_not_asked_again() -> None:
    provider = provider_of("Hangs", "Remote", limit=0.2)
    for _ in range(3):
        images = found(provider)
        assert images["far"].problem is None
        assert "cannot be used: it " in str(images["Hangs"].problem)
    assert Gate.asked == 1


def test_one_that_hung_is_listed_once_it_answers() -> None:
    provider = provider_of("Hangs", limit=0.2)
    found(provider)
    Gate.opened.set()
    patient = SpecManagersProvider(SpecManagersSettings((CAST + "Hangs",)))
    assert set(found(patient)) == {"late"}


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"classes": "x.Y"}, "expected `array`"),
        ({"classes": ["Manager"]}, "not like package.module.Class"),
        ({"classes": ["os; x.Y"]}, "not like package.module.Class"),
        ({"time_limit": 60}, "at most 9 seconds"),
        ({"class": []}, "Did you mean 'classes'?"),
    ],
)
def test_wrong_settings_are_told(table: dict[str, object], said: str) -> None:
    with pytest.raises(WrongSettings, match="spec-managers") as caught:
        make(SpecManagersProvider, "spec-managers", table)
    assert said in str(caught.value)
