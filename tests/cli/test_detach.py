"""Letting go of a kernel never ends one that was started here."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
import typer

from kernelyard.cli.complaints import Complaint
from kernelyard.cli.detach import detached
from kernelyard.cli.one_by_one import of_each


class Kernel:
    """A kernel that notes that it was terminated."""

    def __init__(self, *, owned: bool) -> None:
        self.id = "0197"
        self.info = SimpleNamespace(owned=owned, name="nightly")
        self.terminated = False

    def terminate(self) -> Kernel:
        self.terminated = True
        return self


def test_only_kernels_that_were_attached_are_let_go_of(capsys: pytest.CaptureFixture[str]) -> None:
    ours, theirs = Kernel(owned=True), Kernel(owned=False)
    with pytest.raises(Complaint, match="kernelyard kernels terminate nightly"):
        detached(cast("Any", ours))
    both = {"ours": ours, "theirs": theirs}
    done = of_each(both, lambda name: detached(cast("Any", both[name])))
    assert (ours.terminated, theirs.terminated) == (False, True)
    assert done.answers == [theirs.info]
    assert "was started here" in capsys.readouterr().err
    with pytest.raises(typer.Exit):
        done.exit_if_any_failed()
