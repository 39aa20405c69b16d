"""What is noticed of an environment that changes under its zygote."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from kernelyard.agent.zygote.fingerprint import Fingerprint, settings_of


@pytest.fixture
def env(tmp_path: Path) -> Path:
    """Something like an environment, as it was an hour ago."""
    packages = tmp_path / "lib" / "site-packages"
    (packages / "numbers").mkdir(parents=True)
    (tmp_path / "pyvenv.cfg").write_text("home = /usr")
    (packages / "numbers" / "__init__.py").write_text("")
    (tmp_path / "mine.py").write_text("x = 1")
    before = time.time() - 3600
    for path in [*tmp_path.rglob("*"), tmp_path]:
        os.utime(path, (before, before))
    return tmp_path


def taken(env: Path) -> Fingerprint:
    packages = env / "lib" / "site-packages"
    near = [packages, env / "pyvenv.cfg", env / "ipython_config.py"]
    files = [packages / "numbers" / "__init__.py", env / "mine.py"]
    return Fingerprint.taken(map(str, near), list(map(str, files)))


def install(env: Path) -> None:
    (env / "lib" / "site-packages" / "more").mkdir()


def remove(env: Path) -> None:
    shutil.rmtree(env / "lib" / "site-packages" / "numbers")


def change_own_module(env: Path) -> None:
    (env / "mine.py").write_text("x = 22")


def write_settings(env: Path) -> None:
    (env / "ipython_config.py").write_text("c = get_config()")


def delete_all(env: Path) -> None:
    shutil.rmtree(env)


def make_anew(env: Path) -> None:
    (env / "pyvenv.cfg").unlink()
    (env / "pyvenv.cfg").write_text("home = /usr")


@pytest.mark.parametrize(
    "change", [install, remove, change_own_module, write_settings, delete_all, make_anew]
)
def test_a_change_is_noticed_before_the_next_fork(
    env: Path, change: Callable[[Path], None]
) -> None:
    before = taken(env)
    assert before.changed() == before.changed_anywhere() == ""
    change(env)
    assert before.changed().startswith(str(env))


def test_a_file_of_a_package_that_is_changed_in_its_place_is_noticed_soon(env: Path) -> None:
    before = taken(env)
    (env / "lib" / "site-packages" / "numbers" / "__init__.py").write_text("y = 2")
    assert before.changed() == ""
    assert before.changed_anywhere().endswith("__init__.py")


def test_what_changes_while_a_zygote_boots_is_noticed(env: Path) -> None:
    begun = time.time() - 1800
    assert taken(env).changed_since(begun) == ""
    install(env)
    assert taken(env).changed_since(begun).endswith("site-packages")


def test_there_is_a_bound_to_what_is_looked_at_before_a_fork(tmp_path: Path) -> None:
    files = [str(tmp_path / f"m{number}.py") for number in range(1000)]
    found = Fingerprint.taken([str(tmp_path)], files)
    assert len(found.near) <= 520
    assert len(found.near) + len(found.far) == 1001


def test_modules_of_a_package_that_is_edited_are_looked_at_whatever_else_is(tmp_path: Path) -> None:
    files = [tmp_path / f"m{number}.py" for number in range(60)]
    for file in files:
        file.write_text("x = 1")
    near = [str(tmp_path / "absent" / str(number)) for number in range(60)]
    before = Fingerprint.taken(near, list(map(str, files)))
    files[-1].write_text("x = 22")
    assert before.changed() == str(files[-1])


@pytest.mark.parametrize("name", ["table.csv", "__pycache__", ".hidden", "notes.ipynb"])
def test_what_is_no_module_changes_no_environment(tmp_path: Path, name: str) -> None:
    before = Fingerprint.taken([str(tmp_path)], [])
    (tmp_path / name).mkdir()
    os.utime(tmp_path, (1, 1))
    assert before.changed() == before.changed_anywhere() == ""
    (tmp_path / "fresh.py").write_text("")
    os.utime(tmp_path, (2, 2))
    assert before.changed() == str(tmp_path)


def test_a_package_that_is_installed_anew_is_noticed_at_once(env: Path) -> None:
    before = taken(env)
    packages = env / "lib" / "site-packages"
    (packages / "numbers").rename(packages / "~numbers")
    shutil.copytree(packages / "~numbers", packages / "numbers")
    shutil.rmtree(packages / "~numbers")
    assert before.changed() == str(packages)


def test_settings_are_watched_before_they_are_there(tmp_path: Path) -> None:
    found = settings_of(tmp_path / "profile_default", [tmp_path / "etc"])
    assert str(tmp_path / "profile_default" / "ipython_kernel_config.py") in found
    assert str(tmp_path / "etc" / "jupyter_config.json") in found
