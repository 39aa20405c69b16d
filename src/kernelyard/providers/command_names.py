"""What the command line of a kernel names: its program, and the module or script that this runs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePath

_WRAPPERS = frozenset(
    [
        "conda",
        "env",
        "exec",
        "mamba",
        "micromamba",
        "nice",
        "nohup",
        "pdm",
        "pipenv",
        "pixi",
        "poetry",
        "setsid",
        "stdbuf",
        "sudo",
        "uv",
    ]
)
"""They run another command, which comes after their own options."""
_SUBCOMMANDS = frozenset({"exec", "run"})
_WITH_VALUE = frozenset(
    [
        "-C",
        "-e",
        "-g",
        "-n",
        "-p",
        "-u",
        "--chdir",
        "--cwd",
        "--directory",
        "--environment",
        "--manifest-path",
        "--name",
        "--prefix",
        "--project",
        "--python",
        "--root-prefix",
        "--with",
    ]
)
"""Options of those after which a value stands."""
_INTERPRETERS = re.compile(
    r"(bash|bun|dash|deno|dotnet|fish|java|julia|lua|node|octave|perl|php|pypy|python|pythonw|R|"
    r"Rscript|ruby|sh|zsh)[0-9.]*(\.exe)?"
)
_INTERPRETERS_WITH_VALUE = frozenset({"-W", "-X"})
_RUNNER = "nb_conda_kernels.runner"
"""A module that is given two directories and then another command."""


def names_in(argv: Sequence[str]) -> set[str]:
    """Return what patterns are compared with: the program's name, and that of what it runs.

    The latter is the module after ``-m``, the expression after ``-e`` or the script. Of a program or
    script that is each word as it is, its last part as a path, that without ``.py`` and ``.exe``, and
    for a module also the part before its first dot. Other arguments name nothing.
    """
    if not argv:
        return set()
    program, rest = PurePath(argv[0]).name, argv[1:]
    names = _names_of(argv[0])
    if program.removesuffix(".exe") in _WRAPPERS:
        return names | _in_wrapped(rest)
    return names | _in_arguments(rest, interprets=_INTERPRETERS.fullmatch(program) is not None)


def _in_wrapped(words: Sequence[str]) -> set[str]:
    place = 0
    while place < len(words):
        word = words[place]
        if word == "-m":
            return _in_arguments(words[place:], interprets=True)
        if word in _WITH_VALUE:
            place += 1
        elif not word.startswith("-") and word not in _SUBCOMMANDS and "=" not in word:
            return names_in(words[place:])
        place += 1
    return set()


def _in_arguments(words: Sequence[str], *, interprets: bool) -> set[str]:
    place = 0
    while place < len(words):
        word, following = words[place], words[place + 1 : place + 2]
        if word == "-m":
            return _in_module(following, words[place + 2 :])
        if word in ("-c", "-e"):
            return set(following)
        if interprets and word in _INTERPRETERS_WITH_VALUE:
            place += 1
        elif not word.startswith("-"):
            # Where nobody knows the program, a bare word may be anything.
            return _names_of(word) if interprets or "/" in word or "." in word else set()
        place += 1
    return set()


def _in_module(module: Sequence[str], rest: Sequence[str]) -> set[str]:
    names = {name for one in module for name in (*_names_of(one), one.partition(".")[0])}
    return names | names_in(rest[2:]) if _RUNNER in module else names


def _names_of(word: str) -> set[str]:
    last = PurePath(word).name
    return {word, last, last.removesuffix(".py"), last.removesuffix(".exe")} - {""}
