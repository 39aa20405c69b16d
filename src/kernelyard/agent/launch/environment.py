"""The environment that a kernel is started with."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from kernelyard.providers.argv import expand_environment
from kernelyard.providers.inherited import NEVER, inherited_environment

_UNLESS_SET = {"PYDEVD_DISABLE_FILE_VALIDATION": "1"}
"""Without this ipykernel's debugger writes four lines of warnings into every kernel's output."""


def kernel_environment(
    surroundings: Mapping[str, str],
    spec: Mapping[str, str],
    ordered: Mapping[str, str],
    unset: Collection[str] = (),
) -> dict[str, str]:
    """Return the agent's environment, then the kernelspec's, then what was ordered; the last wins.

    Nothing of what is ``unset`` is passed on of the agent's, nor our own settings and secrets, nor
    what would tie the kernel's life to ours.
    """
    inherited = inherited_environment(surroundings, unset)
    merged = {**_UNLESS_SET, **inherited, **expand_environment(spec, inherited)}
    return with_ordered(merged, ordered)


def with_ordered(merged: Mapping[str, str], ordered: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of an image's kernels with what was ordered for one of them."""
    return {key: value for key, value in {**merged, **ordered}.items() if key not in NEVER}
