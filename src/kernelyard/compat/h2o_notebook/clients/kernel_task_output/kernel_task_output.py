"""What a task said, put together."""

from __future__ import annotations

from dataclasses import dataclass, field

from kernelyard.client import TaskResult
from kernelyard.compat.h2o_notebook.clients.kernel_task_message.display_message import bytes_of


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachmentData:
    """One form of something that was shown."""

    mime_type: str
    data: bytes = field(repr=False)
    """As in ``display_message_data``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """Something that was shown, in all its forms."""

    data: list[AttachmentData]


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelTaskOutput:
    """All that a task said so far; final once the task is complete."""

    stdout: str
    stderr: str
    attachments: list[Attachment]
    """What was shown, in order, after its updates."""


def kernel_task_output_of(result: TaskResult) -> KernelTaskOutput:
    """Return the whole of a task as the guide shows it."""
    return KernelTaskOutput(
        stdout=result.stdout,
        stderr=result.stderr,
        attachments=[
            Attachment(
                data=[
                    AttachmentData(mime_type=mime, data=data)
                    for mime, data in bytes_of(shown.data).items()
                ]
            )
            for shown in result.results
        ],
    )
