"""Conda environments are found where conda and its kin keep them, without running any of these."""

from __future__ import annotations

from pathlib import Path

import pytest

from kernelyard.model.errors import ImageNotReady
from kernelyard.model.images import FoundImage
from kernelyard.providers.conda.provider import CondaProvider, CondaSettings
from kernelyard.providers.image_names import with_mark
from kernelyard.providers.launcher import LaunchRequest
from kernelyard.testing.providers import ProviderConformance

from tests.support.environments import SITE, a_conda_environment, a_kernelspec, a_program

ASKED = LaunchRequest(kernel_id="00000000-0000-4000-8000-000000000000")
PYTHON = "python-3.11.7-h955ad1f_0"
R = "r-base-4.3.1-h29c4799_3"
pytestmark = pytest.mark.usefixtures("home")


def found(**settings: object) -> dict[str, FoundImage]:
    provider = CondaProvider(CondaSettings(**settings))  # type: ignore[arg-type]
    return {image.name: image for image in provider.find()}


def a_miniforge(root: Path) -> Path:
    """A base environment with conda in it."""
    a_conda_environment(root, PYTHON, "conda-24.1.0-py311_0", ipykernel=False)
    a_program(root / "bin" / "conda", f"touch {root}/was-run")
    (root / "condabin").mkdir()
    return root


class TestConda(ProviderConformance):
    """With a Python, one that lacks ipykernel, and an R."""

    @pytest.fixture(autouse=True)
    def environments(self, home: Path) -> None:
        root = a_miniforge(home / "miniforge3")
        a_conda_environment(root / "envs" / "science", PYTHON)
        r = a_conda_environment(root / "envs" / "stats", R)
        a_program(r / "bin" / "R")
        a_kernelspec(r, "ir", argv=["R", "--args", "{connection_file}"], language="R")

    def make_provider(self) -> CondaProvider:
        return CondaProvider()


def test_base_and_named_environments_are_images(home: Path) -> None:
    root = a_miniforge(home / "miniforge3")
    a_conda_environment(root / "envs" / "science", PYTHON)
    images = found()
    assert set(images) == {"base", "science"}
    science = images["science"]
    assert (science.display_name, science.version) == ("Python (science)", "3.11.7")
    assert science.problem is None
    assert f"'conda install -p {root} ipykernel'" in str(images["base"].problem)
    assert not (root / "was-run").exists()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CONDA_EXE", "{root}/bin/conda"),
        ("CONDA_ROOT", "{root}"),
        ("MAMBA_ROOT_PREFIX", "{root}"),
        ("CONDA_PREFIX", "{root}/envs/science"),
        ("PATH", "{root}/condabin:/usr/bin:/bin"),
    ],
)
def test_it_is_found_by_what_conda_leaves_in_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    root = a_miniforge(tmp_path / "somewhere" / "tool")
    a_program(root / "condabin" / "conda")
    a_conda_environment(root / "envs" / "science", PYTHON)
    assert "science" not in found()
    monkeypatch.setenv(variable, value.format(root=root))
    assert found()["science"].problem is None


def test_a_micromamba_has_no_base_and_says_its_own_name(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = home / ".local" / "share" / "mamba"
    prefix = a_conda_environment(root / "envs" / "bare", PYTHON, ipykernel=False)
    images = found()
    assert set(images) == {"bare"}
    assert f"'micromamba install -p {prefix} ipykernel'" in str(images["bare"].problem)


@pytest.mark.parametrize(
    "text",
    [
        "envs_dirs:\n  - {place}\n  - ~/more # with a remark\nchannels:\n  - x\n",
        "channels: [a, b]\nenvs_dirs: ['{place}', ~/more]\n",
        'envs_path:\n- "{place}"\n-  ~/more\n',
    ],
)
def test_directories_of_a_condarc_are_searched(home: Path, tmp_path: Path, text: str) -> None:
    (home / ".condarc").write_text(text.format(place=tmp_path / "shared"))
    a_conda_environment(tmp_path / "shared" / "one", PYTHON)
    a_conda_environment(home / "more" / "two", PYTHON)
    (home / "x" / "no").mkdir(parents=True)
    assert set(found()) == {"one", "two"}


def test_environments_elsewhere_are_known_from_condas_own_list(home: Path, tmp_path: Path) -> None:
    project = a_conda_environment(tmp_path / "forecast" / "env", PYTHON)
    (home / ".conda").mkdir()
    lines = [project, tmp_path / "gone", "", "relative/one", project]
    (home / ".conda" / "environments.txt").write_text("\n".join(map(str, lines)))
    assert set(found()) == {"forecast"}


def test_folders_of_the_settings_are_added_or_are_all(home: Path, tmp_path: Path) -> None:
    a_conda_environment(home / "miniforge3" / "envs" / "usual", PYTHON)
    pixi = a_conda_environment(
        tmp_path / "projects" / "survey" / ".pixi" / "envs" / "default", PYTHON, ipykernel=False
    )
    (pixi / "conda-meta" / "pixi").touch()
    a_conda_environment(tmp_path / "projects" / "survey" / ".pixi" / "envs" / "test", PYTHON)
    a_conda_environment(tmp_path / "projects" / "plain", PYTHON)
    folders = (tmp_path / "projects",)
    assert set(found(folders=folders)) == {"usual", "survey", "test", "plain"}
    images = found(folders=folders, search=False)
    assert set(images) == {"survey", "test", "plain"}
    assert "'pixi add ipykernel'" in str(images["survey"].problem)


def test_two_environments_of_one_name_are_told_apart(home: Path) -> None:
    first = a_miniforge(home / "miniforge3")
    second = a_miniforge(home / "miniconda3")
    a_conda_environment(second / "envs" / "data", PYTHON)
    a_conda_environment(first / "envs" / "data", PYTHON)
    images = found()
    # The usual places have an order, and with it the names.
    first, second = second, first
    marked = {with_mark("base", second), with_mark("data", second / "envs" / "data")}
    assert set(images) == {"base", "data", *marked}
    assert images["data"].metadata["prefix"] == str(first / "envs" / "data")
    name = with_mark("data", first / "envs" / "data")
    assert CondaProvider().prepare(name, ASKED).env["CONDA_PREFIX"].startswith(str(first))


def test_r_is_a_kernel_of_its_own(home: Path) -> None:
    envs = home / "miniforge3" / "envs"
    ready = a_conda_environment(envs / "stats", PYTHON, R)
    a_program(ready / "bin" / "R")
    spec = a_kernelspec(
        ready,
        "ir",
        argv=["R", "--slave", "-e", "IRkernel::main()", "--args", "{connection_file}"],
        display_name="R",
        language="R",
    )
    (spec / "logo-64x64.png").write_bytes(b"png")
    images = found()
    assert set(images) == {"stats", "stats:ir"}
    assert (images["stats:ir"].display_name, images["stats:ir"].language) == ("R (stats)", "R")
    assert CondaProvider().resource("stats:ir", "logo-64x64.png") == b"png"
    plan = CondaProvider().prepare("stats:ir", ASKED)
    assert plan.argv[0] == f"{ready}/bin/R"
    assert plan.env["CONDA_DEFAULT_ENV"] == "stats"


def test_r_without_its_kernel_is_listed_with_what_installs_it(home: Path) -> None:
    envs = home / "miniforge3" / "envs"
    bare = a_conda_environment(envs / "bare", PYTHON, R, ipykernel=False)
    images = found()
    assert set(images) == {"bare:ir"}
    assert f"'micromamba install -p {bare} r-irkernel'" in str(images["bare:ir"].problem)
    assert images["bare:ir"].version == "4.3.1"
    with pytest.raises(ImageNotReady, match="r-irkernel"):
        CondaProvider().prepare("bare:ir", ASKED)
    # Installed by hand, without a kernelspec: R's own library has it.
    (bare / "lib" / "R" / "library" / "IRkernel").mkdir(parents=True)
    assert found()["bare:ir"].problem is None


def test_an_environment_without_a_language_is_no_image(home: Path) -> None:
    a_conda_environment(home / "miniforge3" / "envs" / "tools", "git-2.43.0-pl5321h7bc287a_0")
    broken = a_conda_environment(home / "miniforge3" / "envs" / "broken", PYTHON)
    (broken / "bin" / "python").unlink()
    images = found()
    assert set(images) == {"broken"}
    assert "there is no program" in str(images["broken"].problem)


def test_a_new_environment_is_where_it_is_watched(home: Path) -> None:
    envs = home / "miniforge3" / "envs"
    science = a_conda_environment(envs / "science", PYTHON)
    places = CondaProvider().watched()
    assert {home / ".conda" / "environments.txt", envs, science / "conda-meta", science / SITE} <= {
        *places
    }


@pytest.mark.parametrize("limit", [0, -1, 10])
def test_an_activation_limit_that_cannot_hold_is_refused(limit: float) -> None:
    with pytest.raises(ValueError, match="activation_limit"):
        CondaSettings(activation_limit=limit)
