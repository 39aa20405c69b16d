"""Parameters that several operations take, and what they mean."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, TypeVar

from kernelyard.doors._asgi.parameters import Header, Path, Query
from kernelyard.model.errors import Invalid

LARGEST_NUMBER = 2**63 - 1
LONGEST_WAIT = 60.0
DEFAULT_WAIT = 20.0

KernelId = Annotated[str, Path(description="Id of a kernel.", json_schema_extra={"format": "uuid"})]
TaskId = Annotated[str, Path(description="Id of a task.", json_schema_extra={"format": "uuid"})]
Limit = Annotated[int | None, Query(ge=1, description="Most items of the page.")]
Cursor = Annotated[
    str | None, Query(description="`next_cursor` of the page before; nothing for the first page.")
]
States = Annotated[
    list[str] | None,
    Query(alias="state", description="States to show, separated by commas. All if left out."),
]
LabelPairs = Annotated[
    list[str] | None,
    Query(alias="label", description="`key=value`; repeat it to ask for several at once."),
]
After = Annotated[
    int,
    Query(ge=0, le=LARGEST_NUMBER, description="Show what comes after this output number."),
]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[ -~]+$",
        description="Repeating a request with the same key does it once.",
    ),
]
S = TypeVar("S", bound=StrEnum)


def states_of(texts: list[str] | None, kind: type[S]) -> frozenset[S] | None:
    """Return the states named in ``texts``; None for all. Raises Invalid."""
    if not texts:
        return None
    words = [word.strip() for text in texts for word in text.split(",") if word.strip()]
    known = {state.value: state for state in kind}
    unknown = next((word for word in words if word not in known), None)
    if unknown is not None or not words:
        raise Invalid(
            f"'state' is {(unknown or '')[:80]!r}; states are {_listed(known)}.", field="state"
        )
    return frozenset(known[word] for word in words)


def labels_of(pairs: list[str] | None) -> dict[str, str]:
    """Return the labels written as ``key=value``. Raises Invalid."""
    labels: dict[str, str] = {}
    for pair in pairs or []:
        key, sign, value = pair.partition("=")
        if not sign or not key:
            raise Invalid(
                f"'label' is {pair[:80]!r}; write it as key=value, such as label=team=vision.",
                field="label",
            )
        labels[key] = value
    return labels


def _listed(words: Iterable[str]) -> str:
    return ", ".join(f"'{word}'" for word in words)
