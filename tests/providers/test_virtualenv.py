"""Virtual environments of all layouts are found without running them, and told what they lack."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path

import pytest

from kernelyard.model.errors import ImageNotFound, ImageNotReady
from kernelyard.model.images import FoundImage
from kernelyard.providers.image_names import with_mark
from kernelyard.providers.launcher import LaunchRequest
from kernelyard.providers.virtualenv.provider import VirtualenvProvider, VirtualenvSettings
from kernelyard.testing.providers import ProviderConformance

from tests.support.environments import SITE, a_kernelspec, a_program, a_virtualenv

ASKED = LaunchRequest(kernel_id="00000000-0000-4000-8000-000000000000")
pytestmark = pytest.mark.usefixtures("home")


def found(*folders: Path, own: bool = False) -> dict[str, FoundImage]:
    settings = VirtualenvSettings(folders or None, own=own)
    return {image.name: image for image in VirtualenvProvider(settings).find()}


class TestVirtualenvs(ProviderConformance):
    """With one that is ready, one that is not, and one that is broken."""

    @pytest.fixture(autouse=True)
    def environments(self, tmp_path: Path) -> None:
        self.folder = tmp_path / "envs"
        a_virtualenv(self.folder / "ready")
        a_virtualenv(self.folder / "bare", ipykernel=False)
        (a_virtualenv(self.folder / "broken") / "bin" / "python").unlink()

    def make_provider(self) -> VirtualenvProvider:
        return VirtualenvProvider(VirtualenvSettings((self.folder,), own=False))


def test_a_python_with_ipykernel_is_an_image(tmp_path: Path) -> None:
    a_virtualenv(tmp_path / "envs" / "science")
    image = found(tmp_path / "envs")["science"]
    assert (image.display_name, image.language) == ("Python (science)", "python")
    assert (image.version, image.problem) == (platform.python_version(), None)
    assert "logo-64x64.png" in image.resources
    assert not image.own


def test_ipykernel_that_is_installed_there_counts(tmp_path: Path) -> None:
    prefix = a_virtualenv(tmp_path / "e" / "one", ipykernel=False)
    (prefix / SITE / "ipykernel").mkdir()
    assert found(tmp_path / "e")["one"].problem is not None  # only what pip has left behind
    (prefix / SITE / "ipykernel" / "__init__.py").touch()
    assert found(tmp_path / "e")["one"].problem is None


def test_what_mends_an_environment_without_ipykernel_fits_its_tool(tmp_path: Path) -> None:
    folder = tmp_path / "envs"
    with_pip = a_virtualenv(folder / "pip", ipykernel=False, pip=True)
    without = a_virtualenv(folder / "uv", ipykernel=False)
    images = found(folder)
    install = f"{with_pip}/bin/python -m pip install ipykernel"
    assert f"'{install}'" in str(images["pip"].problem)
    assert f"'uv pip install --python {without}/bin/python ipykernel'" in str(images["uv"].problem)
    provider = VirtualenvProvider(VirtualenvSettings((folder,), own=False))
    with pytest.raises(ImageNotReady) as caught:
        provider.prepare("pip", ASKED)
    assert caught.value.message == images["pip"].problem


@pytest.mark.parametrize("line", ["version = 3.9.2", "version_info = 3.9.2.final.0"])
def test_the_version_is_read_and_not_asked_for(tmp_path: Path, line: str) -> None:
    prefix = tmp_path / "envs" / "old"
    python = a_program(prefix / "bin" / "python", "touch was-run")
    (prefix / "pyvenv.cfg").write_text(f"home = /usr/bin\n{line}\nprompt = x\n")
    assert found(tmp_path / "envs")["old"].version == "3.9.2"
    assert not (python.parent / "was-run").exists()
    assert not Path("was-run").exists()


def test_packages_of_the_python_below_count_if_they_are_seen(tmp_path: Path) -> None:
    base = tmp_path / "base"
    packages = base / "lib" / "python3.9" / "site-packages" / "ipykernel"
    packages.mkdir(parents=True)
    (packages / "__init__.py").touch()
    prefix = tmp_path / "envs" / "layered"
    a_program(prefix / "bin" / "python")
    for seen, ready in (("true", True), ("false", False)):
        (prefix / "pyvenv.cfg").write_text(
            f"home = {base}/bin\nversion = 3.9.1\ninclude-system-site-packages = {seen}\n"
        )
        assert (found(tmp_path / "envs")["layered"].problem is None) is ready


def test_a_broken_environment_is_listed_with_what_is_wrong(tmp_path: Path) -> None:
    folder = tmp_path / "envs"
    dangling = a_virtualenv(folder / "dangling")
    (dangling / "bin" / "python").unlink()
    (dangling / "bin" / "python").symlink_to("/gone/bin/python3")
    directory = a_virtualenv(folder / "directory")
    (directory / "bin" / "python").unlink()
    (directory / "bin" / "python").mkdir()
    newer = a_virtualenv(folder / "newer")
    (newer / "bin" / "python").unlink()
    (newer / "bin" / "python").symlink_to(a_program(tmp_path / "bin" / "python3.99"))
    loop = a_virtualenv(folder / "loop")
    (loop / "bin" / "python").unlink()
    (loop / "bin" / "python").symlink_to(loop / "bin" / "python")
    images = found(folder)
    assert "a link to /gone/bin/python3, is not there any more" in str(images["dangling"].problem)
    assert "is not a program" in str(images["directory"].problem)
    assert "its Python is now 3.99" in str(images["newer"].problem)
    assert "is broken" in str(images["loop"].problem)
    assert all("python3 -m venv --clear" in str(image.problem) for image in images.values())


def test_the_usual_folders_of_tools_are_searched(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_virtualenv(home / ".virtualenvs" / "wrapped")
    a_virtualenv(home / ".venvs" / "plain")
    a_virtualenv(home / ".local" / "share" / "virtualenvs" / "project-Ab3_x")
    a_virtualenv(home / ".pyenv" / "versions" / "3.11.7" / "envs" / "chosen")
    (home / ".pyenv" / "versions" / "chosen").symlink_to("3.11.7/envs/chosen")
    assert set(found()) == {"wrapped", "plain", "project-Ab3_x", "chosen"}
    monkeypatch.setenv("WORKON_HOME", str(tmp_path / "work"))
    a_virtualenv(tmp_path / "work" / "mine")
    assert next(iter(found())) == "mine"


def test_environments_of_projects_have_their_projects_name(tmp_path: Path) -> None:
    a_virtualenv(tmp_path / "projects" / "forecast" / ".venv")
    a_virtualenv(tmp_path / "projects" / "survey" / "venv")
    assert set(found(tmp_path / "projects")) == {"forecast", "survey"}
    assert set(found(tmp_path / "projects" / "forecast")) == {"forecast"}
    assert set(found(tmp_path / "projects" / "forecast" / ".venv")) == {"forecast"}


def test_names_are_made_fit_and_kept_apart(tmp_path: Path) -> None:
    first = a_virtualenv(tmp_path / "a" / "data science!")
    second = a_virtualenv(tmp_path / "b" / "data-science")
    images = found(tmp_path / "a", tmp_path / "b")
    marked = with_mark("data-science", second)
    assert set(images) == {"data-science", marked}
    assert images["data-science"].metadata["prefix"] == str(first)
    provider = VirtualenvProvider(VirtualenvSettings((tmp_path / "b",), own=False))
    # Whoever used the name with its mark can go on, also when it is needed no more.
    plan = provider.prepare(marked, ASKED)
    assert plan.env["VIRTUAL_ENV"] == str(second)


def test_an_environment_that_is_reached_in_two_ways_is_one(tmp_path: Path) -> None:
    a_virtualenv(tmp_path / "a" / "one")
    a_virtualenv(tmp_path / "a" / "two")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "other").symlink_to(tmp_path / "a" / "one")
    assert list(found(tmp_path / "a", tmp_path / "b")) == ["one", "two"]
    assert list(found(tmp_path / "b", tmp_path / "a")) == ["other", "two"]


def test_the_agents_own_environment_is_listed_first(tmp_path: Path) -> None:
    name, image = next(iter(found(tmp_path, own=True).items()))
    assert image.problem is None
    assert image.own
    provider = VirtualenvProvider(VirtualenvSettings((tmp_path,)))
    assert provider.prepare(name, ASKED).argv[0] == sys.executable
    assert name not in found(Path(sys.prefix) / "none")


def test_other_kernels_of_an_environment_have_its_name_before_theirs(tmp_path: Path) -> None:
    prefix = a_virtualenv(tmp_path / "e" / "many")
    a_kernelspec(prefix, "python3", argv=["python", "-m", "ipykernel_launcher", "-f", "{x}"])
    a_program(prefix / "bin" / "xpython")
    a_kernelspec(
        prefix,
        "XPython",
        argv=["xpython", "-f", "{connection_file}", "--home={prefix}"],
        display_name="Xeus",
        language="python",
        env={"PATH": "$PATH:/more"},
    )
    a_kernelspec(prefix, "gone", argv=["{prefix}/bin/none"])
    images = found(tmp_path / "e")
    assert set(images) == {"many", "many:xpython", "many:gone"}
    assert images["many:xpython"].display_name == "Xeus (many)"
    assert "no such program" in str(images["many:gone"].problem)
    provider = VirtualenvProvider(VirtualenvSettings((tmp_path / "e",), own=False))
    plan = provider.prepare("many:xpython", ASKED)
    assert plan.argv == [
        f"{prefix}/bin/xpython",
        "-f",
        "{connection_file}",
        f"--home={prefix}",
    ]
    assert plan.env["PATH"] == f"{prefix}/bin:/usr/bin:/bin:/more"
    assert plan.env["VIRTUAL_ENV"] == str(prefix)


def test_a_python_that_only_helps_another_kernel_is_not_blamed(tmp_path: Path) -> None:
    prefix = a_virtualenv(tmp_path / "e" / "xeus", ipykernel=False)
    a_kernelspec(prefix, "xpython", argv=["python", "-c", "0", "{connection_file}"])
    assert set(found(tmp_path / "e")) == {"xeus:xpython"}


def test_it_is_activated_at_launch_as_by_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIRTUAL_ENV", "/other")
    prefix = a_virtualenv(tmp_path / "e" / "pay $HOME")
    (prefix / "pyvenv.cfg").write_text((prefix / "pyvenv.cfg").read_text() + "prompt = 'pay'\n")
    (prefix / "bin" / "activate").unlink()
    provider = VirtualenvProvider(VirtualenvSettings((tmp_path / "e",), own=False))
    plan = provider.prepare("pay-HOME", ASKED)
    place = str(prefix).replace("$", "$$")
    assert plan.env == {
        "PATH": f"{place}/bin:${{PATH}}",
        "VIRTUAL_ENV": place,
        "VIRTUAL_ENV_PROMPT": "pay",
    }
    assert {"PYTHONHOME", "CONDA_PREFIX"} <= set(plan.unset)


def test_its_own_script_is_run_with_what_was_added_to_it(tmp_path: Path) -> None:
    prefix = a_virtualenv(tmp_path / "e" / "mine")
    with (prefix / "bin" / "activate").open("a") as script:
        script.write("\nexport ADDED='$5'\n")
    (prefix / "bin" / "postactivate").write_text('export WRAPPED="$VIRTUAL_ENV/x"\n')
    provider = VirtualenvProvider(VirtualenvSettings((tmp_path / "e",), own=False))
    env = provider.prepare("mine", ASKED).env
    assert (env["ADDED"], env["WRAPPED"]) == ("$$5", f"{prefix}/x")
    assert env["PATH"] == f"{prefix}/bin:/usr/bin:/bin"
    (prefix / "bin" / "activate").write_text("echo 'not today' >&2\nexit 1\n")
    with pytest.raises(ImageNotReady, match="not today"):
        provider.prepare("mine", ASKED)


def test_an_environment_that_was_moved_is_activated_where_it_is(tmp_path: Path) -> None:
    before = a_virtualenv(tmp_path / "e" / "before")
    after = before.rename(tmp_path / "e" / "after")
    provider = VirtualenvProvider(VirtualenvSettings((tmp_path / "e",), own=False))
    env = provider.prepare("after", ASKED).env
    assert env["VIRTUAL_ENV"] == str(after)
    assert env["PATH"].startswith(f"{after}/bin:")


@pytest.mark.parametrize("name", ["", "..", "../e/one", "one/..", "/etc", "one:x"])
def test_a_name_that_is_not_listed_is_not_found(tmp_path: Path, name: str) -> None:
    a_virtualenv(tmp_path / "e" / "one")
    with pytest.raises(ImageNotFound, match="kernelyard images"):
        VirtualenvProvider(VirtualenvSettings((tmp_path / "e",))).prepare(name, ASKED)


def test_folders_that_are_not_there_or_may_not_be_read_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    folder = tmp_path / "e"
    a_virtualenv(folder / "one")
    (folder / "pyvenv").mkdir()
    (folder / "odd").mkdir()
    os.mkfifo(folder / "odd" / "pyvenv.cfg")
    (folder / "link").symlink_to(folder / "link")
    assert set(found(tmp_path / "none", tmp_path / "file", folder)) == {"one"}


def test_a_directory_with_a_name_that_is_no_text_can_be_told_of(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"e\xff")
    folder.mkdir()
    a_virtualenv(tmp_path / "made", ipykernel=False).rename(folder / "bare")
    image = found(folder)["bare"]
    assert "e?/bare" in str(image.problem).encode().decode()
    assert image.metadata["prefix"].endswith("e?/bare")
    with pytest.raises(ImageNotReady) as caught:
        VirtualenvProvider(VirtualenvSettings((folder,))).prepare("bare", ASKED)
    assert caught.value.message.encode()


def test_a_pipe_among_the_files_is_not_read(tmp_path: Path) -> None:
    prefix = a_virtualenv(tmp_path / "e" / "one")
    os.mkfifo(prefix / SITE / "a.pth")
    assert found(tmp_path / "e")["one"].problem is None


def test_a_new_environment_is_where_it_is_watched(tmp_path: Path) -> None:
    folder = tmp_path / "e"
    provider = VirtualenvProvider(VirtualenvSettings((folder,)))
    assert folder in provider.watched()
    prefix = a_virtualenv(folder / "project" / ".venv", ipykernel=False)
    wanted = {folder, prefix / SITE, folder / "project", prefix / "bin"}
    assert wanted <= set(provider.watched())
