"""Running the activation scripts of an environment, and telling what they have changed."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from kernelyard.model.errors import ImageNotReady
from kernelyard.providers.activation import Activation, literal

_LARGEST_ANSWER = 4 * 1024 * 1024
_MOST_SAID = 2000
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OF_THE_SHELL = frozenset({"_", "SHLVL", "PWD", "OLDPWD", "BASHOPTS", "SHELLOPTS", "PS1"})
# What scripts print goes to where they may be heard, and only the last line to where we read.
_SCRIPT = 'ulimit -f 65536; exec 3>&1 1>&2; for file; do . "$file"; done; exec env -0 >&3'


def check_limit(seconds: float) -> None:
    """Refuse a limit for scripts that no launch would wait for. Raises ValueError."""
    if not 0 < seconds <= 9:
        raise ValueError("'activation_limit' must be more than 0 and at most 9 seconds")


def activated_by(
    scripts: Sequence[Path],
    before: Mapping[str, str],
    env: Mapping[str, str],
    unset: tuple[str, ...],
    time_limit: float,
) -> Activation:
    """Return what is set after scripts have run, which found ``env`` set over what was ``before``.

    Raises ImageNotReady if one of them fails.
    """
    env = dict(env)
    if scripts:
        changed, gone = run_scripts(scripts, {**before, **env}, time_limit)
        env = {key: value for key, value in env.items() if key not in gone} | changed
        unset += tuple(key for key in gone if key in before)
    return Activation(env={key: literal(value) for key, value in env.items()}, unset=unset)


def run_scripts(
    scripts: Sequence[Path], env: Mapping[str, str], time_limit: float
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Run shell scripts with ``env``, one after the other in one shell.

    Returns the variables that they have set or changed, and the names of those they have unset.
    Raises ImageNotReady if they end the shell, or take too long; nothing of them runs on then.
    """
    shell = shutil.which("bash") or "/bin/sh"
    plain = ["--noprofile", "--norc"] if shell.endswith("bash") else []
    # Files, not pipes: a process that a script leaves in the background would keep a pipe open.
    with tempfile.TemporaryFile() as answer, tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            [shell, *plain, "-c", _SCRIPT, shell, *map(str, scripts)],
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=answer,
            stderr=said,
            start_new_session=True,
        )
        try:
            status = process.wait(timeout=time_limit)
        except subprocess.TimeoutExpired:
            raise ImageNotReady(
                f"The activation scripts in {scripts[0].parent} did not end within "
                f"{time_limit:g} s. Correct them, or allow more with 'activation_limit'."
            ) from None
        finally:
            _end(process)
        after = _read(answer, 0)
        if status != 0 or not after.endswith(b"\0"):
            last = _read(said, -_MOST_SAID).decode(errors="replace").strip().splitlines()[-1:]
            raise ImageNotReady(
                f"The activation scripts in {scripts[0].parent} failed: "
                f"{last[0] if last else f'their shell ended with status {status}'}. "
                "Correct them, or install the environment again."
            )
    return _difference(env, _variables(after))


def _end(process: subprocess.Popen[bytes]) -> None:
    """End whatever the scripts have left running, and the shell itself."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    process.wait()


def _read(file: IO[bytes], start: int) -> bytes:
    """Return what is in a file, from its ``start``, or so many bytes before its end."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size + start) if start < 0 else start)
    return file.read(_LARGEST_ANSWER)


def _variables(answer: bytes) -> dict[str, str]:
    pairs = (os.fsdecode(one).partition("=") for one in answer.split(b"\0") if one)
    return {name: value for name, _, value in pairs if _NAME.fullmatch(name)}


def _difference(
    before: Mapping[str, str], after: Mapping[str, str]
) -> tuple[dict[str, str], tuple[str, ...]]:
    changed = {
        name: value
        for name, value in after.items()
        if name not in _OF_THE_SHELL and before.get(name) != value
    }
    gone = (name for name in before if name not in after and name not in _OF_THE_SHELL)
    return changed, tuple(name for name in gone if _NAME.fullmatch(name))
