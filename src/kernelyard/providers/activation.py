"""Activating an environment: what its kernels find set, as if somebody had activated it by hand."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

OF_CONDA = ("CONDA_PREFIX", "CONDA_DEFAULT_ENV", "CONDA_PROMPT_MODIFIER", "CONDA_SHLVL")
OF_VIRTUALENV = ("VIRTUAL_ENV", "VIRTUAL_ENV_PROMPT")
MISLEADING = ("PYTHONHOME", "__PYVENV_LAUNCHER__")
"""Variables that lead a Python to the library of another one."""

_VARIABLE = re.compile(r"\$\$|\$\{(\w+)\}|\$(\w+)")


@dataclass(frozen=True, slots=True)
class Activation:
    """What is set, and what is taken away, before a kernel starts."""

    env: dict[str, str] = field(default_factory=dict)
    """As in a kernelspec: ``${VAR}`` means the agent's variable, and ``$$`` a dollar sign."""
    unset: tuple[str, ...] = ()

    def beneath(self, env: Mapping[str, str]) -> dict[str, str]:
        """Return the variables of a kernelspec together with these; the kernelspec's win.

        Where the kernelspec builds on a variable that is set here, such as ``PATH``, it gets ours.
        """

        def filled(word: re.Match[str]) -> str:
            return self.env.get(word[1] or word[2] or "", word[0])

        return self.env | {key: _VARIABLE.sub(filled, value) for key, value in env.items()}


def literal(text: str) -> str:
    """Return ``text`` so that it stays as it is when variables are filled in."""
    return text.replace("$", "$$")
