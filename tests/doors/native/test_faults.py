"""Every error of the tree has its status and its place in the API's description."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kernelyard.doors._asgi.operations import Misfit
from kernelyard.doors.native.faults import status_of
from kernelyard.doors.native.refusals import refusal
from kernelyard.model.errors import YardError

STATUS = {
    "internal": 500,
    "invalid": 400,
    "cursor_malformed": 400,
    "cursor_beyond_end": 400,
    "unauthenticated": 401,
    "forbidden": 403,
    "not_found": 404,
    "image_not_found": 404,
    "template_not_found": 404,
    "kernel_not_found": 404,
    "task_not_found": 404,
    "token_not_found": 404,
    "user_not_found": 404,
    "notebook_spec_not_found": 404,
    "resource_not_found": 404,
    "pool_not_found": 404,
    "conflict": 409,
    "name_taken": 409,
    "already_exists": 409,
    "idempotency_key_reused": 409,
    "image_disabled": 409,
    "image_not_ready": 409,
    "no_image_fits": 409,
    "template_disabled": 409,
    "records_gone": 409,
    "kernel_not_running": 409,
    "kernel_ended": 409,
    "kernel_not_owned": 409,
    "already_attached": 409,
    "never_fits": 409,
    "task_finished": 409,
    "too_large": 413,
    "limit_reached": 429,
    "too_many_failures": 429,
    "unavailable": 503,
    "agent_unavailable": 503,
    "storage_full": 507,
}


def every_error(error: type[YardError] = YardError) -> Iterator[type[YardError]]:
    yield error
    for below in error.__subclasses__():
        if below.__module__ == YardError.__module__:
            yield from every_error(below)


def test_every_code_of_the_tree_has_a_status() -> None:
    assert {error.code: status_of(error) for error in every_error()} == STATUS


@pytest.mark.parametrize("error", list(every_error()), ids=lambda error: error.code)
def test_every_error_says_a_sentence_on_its_own(error: type[YardError]) -> None:
    assert error().message.endswith(".")


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (
            {"type": "missing", "loc": ("body", "code"), "msg": ""},
            "'code' is needed and was not sent.",
        ),
        (
            {"type": "int_parsing", "loc": ("query", "limit"), "msg": ""},
            "'limit' must be a whole number.",
        ),
        (
            {"type": "string_type", "loc": ("body", "labels", "a"), "msg": ""},
            "'labels.a' must be text.",
        ),
        (
            {"type": "brand_new", "loc": ("body", "x"), "msg": "Input is odd"},
            "'x' does not fit: Input is odd.",
        ),
    ],
)
def test_what_does_not_fit_its_shape_is_told_as_a_sentence(
    error: dict[str, object], sentence: str
) -> None:
    assert refusal(Misfit([error])).message == sentence
