"""Where a provisioner starts a kernel, and what it is told of the notebook."""

from __future__ import annotations

from pathlib import Path

import pytest

from kernelyard.providers.launcher import LaunchFailed, LaunchRequest
from kernelyard.providers.provisioner.spec import directory_for, environment_for


def test_a_kernel_starts_where_its_path_marks_it_or_else_beside_its_notebook(
    tmp_path: Path,
) -> None:
    work = tmp_path / "work"
    for path, place in (
        (f"{tmp_path}/./notes/in.ipynb", tmp_path),
        (f"{tmp_path}/in.ipynb", tmp_path),
        (f"{tmp_path}/missing/in.ipynb", work),
        ("notes/./in.ipynb", work),
        (None, work),
    ):
        request = LaunchRequest(kernel_id="k", work_dir=work, path=path)
        assert directory_for(request) == str(place)
    gone = LaunchRequest(kernel_id="k", work_dir=work, path=f"{tmp_path}/missing/./in.ipynb")
    with pytest.raises(LaunchFailed, match="no such directory"):
        directory_for(gone)


def test_only_a_notebook_is_told_as_one() -> None:
    named = LaunchRequest(kernel_id="k", path="/data/./in.ipynb")
    assert environment_for(named, (), {}) == {"JPY_SESSION_NAME": "/data/./in.ipynb"}
    assert environment_for(LaunchRequest(kernel_id="k", path="/data/./"), (), {}) == {}
