"""The same done to several things: what fails is told, and the others are done all the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

import typer

from kernelyard.cli.complaints import FAILED, Complaint, show

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Done(Generic[T]):
    """What came of it."""

    answers: list[T]
    failures: int

    def exit_if_any_failed(self) -> None:
        """Exit with status 1 unless all went well."""
        if self.failures:
            raise typer.Exit(FAILED)


def of_each(names: Iterable[str], do: Callable[[str], T]) -> Done[T]:
    """Do it to each; show in one line why it was refused for one, and go on."""
    from kernelyard.client import ApiError

    answers, failures = [], 0
    for name in names:
        try:
            answers.append(do(name))
        except (ApiError, Complaint) as error:
            show(str(error))
            failures += 1
    return Done(answers, failures)
