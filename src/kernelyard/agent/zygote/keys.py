"""Which zygote is for which kernel: what they must have in common, and its digest."""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kernelyard.agent.launch.lossless import place_of_ipykernel
from kernelyard.agent.zygote.own_code import own_code
from kernelyard.model.kernels import LaunchOrder
from kernelyard.model.taken_up import is_taken_up, taken_up

_LEADS = re.compile(
    r"^(?:PYTHON(?:PATH|HOME|USERBASE|PYCACHEPREFIX)|IPYTHONDIR|MPLCONFIGDIR|MATPLOTLIBRC|HOME|TE?MP(?:DIR)?"
    r"|JUPYTER_(?:.*_DIR|.*PATH)|XDG_.*(?:HOME|DIRS))$"
)
"""Variables that say where something is which is looked for before the fork. Of ``PATH`` that is not said: programs
are looked for when they are run."""
_ASKS_FOR_FILE = frozenset({"-f", "--f", "--connection-file"})


class Unfit(Exception):
    """A kernel cannot be forked; the text says why."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What was asked for, without anything that is one kernel's: it may be written to a file."""

    provider: str
    image: str
    preload: tuple[str, ...] = ()
    trust: str = ""

    @property
    def reference(self) -> str:
        return f"{self.provider}/{self.image}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A zygote that would suit a kernel."""

    name: str
    """The digest of all that follows but the environment's variables that a kernel applies itself."""
    recipe: Recipe
    python: tuple[str, ...]
    """The interpreter and its flags."""
    arguments: tuple[str, ...]
    """Of ipykernel, without the connection file."""
    env: Mapping[str, str] = field(repr=False)
    """What it is started with: nothing that was ordered for one kernel but what is in its name."""
    plain: bool = True
    """Whether the recipe alone leads to it: nothing that was ordered for this kernel does."""


def wanted_for(
    order: LaunchOrder,
    argv: Sequence[str],
    connection_file: Path,
    image_env: Mapping[str, str],
    kernel_env: Mapping[str, str],
) -> Wanted:
    """Return what a kernel of ``argv`` could be forked from. Raises Unfit.

    ``argv`` is what its plan says, filled in; ``image_env`` what any kernel of the image is started
    with, and ``kernel_env`` what this one is.
    """
    if (place := place_of_ipykernel(argv)) is None:
        raise Unfit("it is not started by 'python -m ipykernel_launcher'")
    if order.parameters:
        # They may be secret, and stand wherever the image wants them.
        raise Unfit("it is started with parameters")
    python, arguments = tuple(argv[:place]), _without_file(argv[place + 2 :], connection_file)
    ordered = {name: text for name, text in kernel_env.items() if is_taken_up(name)}
    dropped = {name for name in image_env if is_taken_up(name) and name not in ordered}
    env = {name: text for name, text in image_env.items() if name not in dropped} | ordered
    _look_for_relative(env)
    preload = tuple(order.preload)
    told = [own_code(), python, arguments, preload, order.trust, sorted(taken_up(env).items())]
    digest = hashlib.sha256(json.dumps(told).encode()).hexdigest()
    return Wanted(
        name=digest[:32],
        recipe=Recipe(order.provider, order.image, preload, order.trust),
        python=python,
        arguments=arguments,
        env=env,
        plain=taken_up(env) == taken_up(image_env),
    )


def _look_for_relative(env: Mapping[str, str]) -> None:
    """Raise Unfit if a path would lead elsewhere from the directory of a kernel than from a zygote's."""
    for name, value in env.items():
        if not is_taken_up(name) or not _LEADS.search(name):
            continue
        is_list = name.endswith(("PATH", "_DIRS"))
        for part in value.split(":") if value and is_list else [value]:
            if name == "PYTHONPATH":
                # An empty entry of a list is the directory, too.
                leads_astray = bool(value) and not part.startswith("/")
            else:
                leads_astray = bool(part) and not part.startswith(("/", "~"))
            if leads_astray:
                raise Unfit(f"{name} has an entry that depends on the directory")


def why_never(order: LaunchOrder, most: int, platform: str = sys.platform) -> str:
    """Why a kernel is not forked, whatever it is; empty if it may be."""
    if order.start == "exec":
        return "its template says exec"
    if most <= 0:
        return "zygotes are off"
    if platform != "linux":
        return "on this system kernels are not forked"
    return ""


def _without_file(arguments: Sequence[str], file: Path) -> tuple[str, ...]:
    rest: list[str] = []
    for one in arguments:
        if one == str(file) and rest and rest[-1] in _ASKS_FOR_FILE:
            rest.pop()
        elif not (one.startswith("-") and one.endswith(f"={file}")):
            rest.append(one)
    if any(str(file) in one for one in rest):
        raise Unfit("its command line uses the connection file in a way of its own")
    return tuple(rest)
