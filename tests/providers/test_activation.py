"""Activation is what happens by hand, and is done at each launch; scripts cannot hang or hide."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kernelyard.model.errors import ImageNotReady
from kernelyard.providers.activation import Activation, literal
from kernelyard.providers.argv import expand_environment
from kernelyard.providers.conda.activation import activated_conda

from tests.support.live_server import alive, wait_until

BEFORE = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": "/h", "KERNELYARD_TOKEN": "secret"}


def a_script(prefix: Path, name: str, text: str) -> Path:
    folder = prefix / "etc" / "conda" / "activate.d"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)
    return folder / name


def activated(prefix: Path, limit: float = 8.0, **more: str) -> tuple[dict[str, str], set[str]]:
    """What a kernel finds set, and what is taken from it."""
    activation = activated_conda(prefix, "science", limit, {**BEFORE, **more})
    return expand_environment(activation.env, BEFORE), set(activation.unset)


def test_condas_own_variables_are_set(tmp_path: Path) -> None:
    prefix = tmp_path / "tool" / "envs" / "science"
    (tmp_path / "tool" / "condabin").mkdir(parents=True)
    env, unset = activated(prefix)
    assert env == {
        "PATH": f"{prefix}/bin:{tmp_path}/tool/condabin:/usr/bin:/bin",
        "CONDA_PREFIX": str(prefix),
        "CONDA_DEFAULT_ENV": "science",
        "CONDA_PROMPT_MODIFIER": "(science) ",
        "CONDA_SHLVL": "1",
    }
    assert {"VIRTUAL_ENV", "PYTHONHOME"} <= unset
    again, _ = activated(prefix, PATH=env["PATH"])
    assert again["PATH"] == env["PATH"]


def test_variables_of_packages_and_of_the_user_are_set(tmp_path: Path) -> None:
    (tmp_path / "conda-meta").mkdir()
    state = {"env_vars": {"MINE": "$HOME is not filled in", "GONE": "***unset***", "N": 3}}
    (tmp_path / "conda-meta" / "state").write_text(json.dumps(state))
    packages = tmp_path / "etc" / "conda" / "env_vars.d"
    packages.mkdir(parents=True)
    (packages / "a.json").write_text('{"MINE": "theirs", "THEIRS": "1"}')
    (packages / "torn.json").write_text("{")
    env, _ = activated(tmp_path)
    assert (env["MINE"], env["THEIRS"]) == ("$HOME is not filled in", "1")
    assert not {"GONE", "N"} & set(env)


def test_scripts_are_run_in_order_and_what_they_change_counts(tmp_path: Path) -> None:
    a_script(tmp_path, "a.sh", 'export GDAL_DATA="$CONDA_PREFIX/share"\necho noise\nunset LANG\n')
    a_script(tmp_path, "b.sh", 'export SECOND="$GDAL_DATA/b"\nexport PATH="/first:$PATH"\nlocal=1')
    a_script(tmp_path, "c.sh", "export ODD='$HOME\n\"x\" = \\'\nf() { :; }\nexport -f f 2>&1\n")
    a_script(tmp_path, "d.fish", "exit 1")
    env, unset = activated(tmp_path)
    assert env["GDAL_DATA"] == f"{tmp_path}/share"
    assert env["SECOND"] == f"{tmp_path}/share/b"
    assert env["PATH"] == f"/first:{tmp_path}/bin:/usr/bin:/bin"
    assert env["ODD"] == '$HOME\n"x" = \\'
    assert "LANG" in unset
    assert not {"local", "SHLVL", "PWD", "HOME", "LANG", "_"} & set(env)


def test_scripts_see_no_secret_of_ours(tmp_path: Path) -> None:
    a_script(tmp_path, "a.sh", 'export SEEN="token:$KERNELYARD_TOKEN"')
    env, _ = activated(tmp_path)
    assert env["SEEN"] == "token:"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("echo 'no licence' >&2; exit 3", "no licence"),
        ("exit 0", "ended with status 0"),
        ("kill -9 $$", "ended with status -9"),
        ("set -e; false", "ended with status 1"),
    ],
)
def test_a_script_that_ends_the_shell_is_told(tmp_path: Path, text: str, said: str) -> None:
    script = a_script(tmp_path, "a.sh", text)
    with pytest.raises(ImageNotReady) as caught:
        activated(tmp_path)
    assert said in caught.value.message
    assert str(script.parent) in caught.value.message


def test_a_script_that_fails_a_little_is_no_reason_not_to_start(tmp_path: Path) -> None:
    a_script(tmp_path, "a.sh", "no-such-program\nexport AFTER=1\n(exit 3)")
    assert activated(tmp_path)[0]["AFTER"] == "1"


def test_a_script_that_hangs_is_ended_with_all_that_it_began(tmp_path: Path) -> None:
    a_script(tmp_path, "a.sh", f"sleep 600 &\necho $! > {tmp_path}/pid\nwait\n")
    with pytest.raises(ImageNotReady, match="did not end within 1 s.*'activation_limit'"):
        activated(tmp_path, limit=1.0)
    pid = int((tmp_path / "pid").read_text())
    wait_until(lambda: not alive(pid))


def test_what_a_script_leaves_in_the_background_is_not_waited_for(tmp_path: Path) -> None:
    a_script(tmp_path, "a.sh", f"sleep 600 &\necho $! > {tmp_path}/pid\nexport AFTER=1\n")
    assert activated(tmp_path)[0]["AFTER"] == "1"
    pid = int((tmp_path / "pid").read_text())
    wait_until(lambda: not alive(pid))


def test_a_script_may_not_fill_the_disk(tmp_path: Path) -> None:
    a_script(tmp_path, "a.sh", "while :; do printf '%65536s' x; done\n")
    with pytest.raises(ImageNotReady):
        activated(tmp_path, limit=8.0)


def test_a_kernelspec_builds_on_what_is_activated() -> None:
    activation = Activation({"PATH": "/env/bin:${PATH}", "CONDA_PREFIX": "/env"})
    env = activation.beneath(
        {"PATH": "/mine:$PATH", "LIB": "${CONDA_PREFIX}/lib", "PRICE": "$$PATH", "OTHER": "$PATHS"}
    )
    assert env == {
        "PATH": "/mine:/env/bin:${PATH}",
        "CONDA_PREFIX": "/env",
        "LIB": "/env/lib",
        "PRICE": "$$PATH",
        "OTHER": "$PATHS",
    }
    assert expand_environment({"A": literal("$HOME $$")}, {"HOME": "/h"}) == {"A": "$HOME $$"}
