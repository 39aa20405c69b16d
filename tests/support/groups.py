"""The control groups that an agent of a test has made, and that nothing may be left of."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from kernelyard.agent.cgroups import MOUNTS, OWN, places, remove_group, unified_place
from kernelyard.agent.places import runtime_name


def groups_of(data_dir: Path) -> list[Path]:
    """What holds the groups of the kernels of one data directory, as far as it is there."""
    try:
        mounts, own = MOUNTS.read_text(), OWN.read_text()
    except OSError:
        return []
    roots = {place for _, place in places(mounts, own).values()}
    if (unified := unified_place(mounts, own)) is not None:
        roots.add(unified)
    name = runtime_name(data_dir)
    return sorted(root / name for root in roots if (root / name).is_dir())


def remove_groups(data_dir: Path) -> bool:
    """End what is in them, and remove them; return whether they are gone."""
    for place in groups_of(data_dir):
        for kernel in place.iterdir():
            if kernel.is_dir():
                with suppress(OSError):
                    (kernel / "cgroup.kill").write_text("1")
                remove_group(kernel)
        remove_group(place)
    return not groups_of(data_dir)
