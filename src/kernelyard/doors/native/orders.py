"""What request bodies may say. Unknown fields are refused; nothing is converted silently."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    PlainValidator,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from kernelyard.doors.native.pod_shapes import PodOrder
from kernelyard.model.errors import Invalid
from kernelyard.model.quantities import parse_duration, parse_size

_SURROGATE = re.compile("[\ud800-\udfff]")
_LONGEST_QUANTITY = 64
_MOST_MILLI_CPU = 10_000_000
_MOST_GPUS = 10_000
_MOST_SECONDS = 10 * 366 * 86_400
_MOST_PROCESSES = 4_000_000


def _quantity(
    parse: Callable[[str | int | float, str], float], kinds: tuple[type, ...], words: str
) -> PlainValidator:
    def checked(value: object, info: ValidationInfo) -> float:
        field = info.field_name or "value"
        if isinstance(value, bool) or not isinstance(value, kinds):
            raise Invalid(f"'{field}' must be {words}.", field=field)
        if isinstance(value, str) and len(value) > _LONGEST_QUANTITY:
            raise Invalid(f"'{field}' is too long to be {words}.", field=field)
        assert isinstance(value, str | int | float)  # noqa: S101 - what kinds can hold
        try:
            return parse(value, field)
        except OverflowError as error:
            raise Invalid(f"'{field}' is too large.", field=field) from error

    return PlainValidator(checked)


def _size(value: str | float, field: str) -> int:
    return parse_size(value if isinstance(value, str) else int(value), field=field)


def _duration(value: str | float, field: str) -> float:
    return parse_duration(value, field=field)


Size = Annotated[
    int,
    _quantity(_size, (str, int), "a size: bytes as a number, or text such as '1Gi' or '512MiB'"),
    WithJsonSchema(
        {
            "anyOf": [{"type": "integer", "minimum": 0}, {"type": "string"}],
            "description": "Bytes, or with a unit: `1Gi`, `512MiB`, `4g`.",
            "examples": ["1Gi", 536870912],
        }
    ),
]
Seconds = Annotated[
    float,
    _quantity(_duration, (str, int, float), "a duration: seconds, or text such as '90s' or '1h'"),
    WithJsonSchema(
        {
            "anyOf": [{"type": "number", "minimum": 0}, {"type": "string"}],
            "description": "Seconds, or with units: `90s`, `1h30m`.",
            "examples": ["1h", 90],
        }
    ),
]


def _check_plain(value: object, field: str) -> None:
    match value:
        case str():
            if not value.isascii() and _SURROGATE.search(value):
                raise Invalid(
                    f"'{field}' must be text in valid Unicode: it has half of a surrogate pair.",
                    field=field,
                )
        case float():
            if not math.isfinite(value):
                raise Invalid(f"'{field}' has a number that JSON does not know.", field=field)
        case dict():
            for key, inner in value.items():
                _check_plain(key, field)
                _check_plain(inner, field)
        case list():
            for inner in value:
                _check_plain(inner, field)
        case _:
            pass


class Order(BaseModel):
    """A body: an object whose fields are known, and nothing in it that JSON in UTF-8 cannot say."""

    model_config = ConfigDict(extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, body: object) -> object:
        """Refuse what JSON in UTF-8 cannot say, wherever it stands."""
        if isinstance(body, dict):
            for field, value in body.items():
                _check_plain(value, str(field))
        return body


class NewImage(Order):
    """A further name for an image."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "my-python:3", "from": "python3"}]}
    )

    name: str
    source: str = Field(alias="from", description="Name of an image that exists.")
    display_name: str | None = None


class ImageChanges(Order):
    """What is to change; what is left out stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"disabled": True}]})

    disabled: bool | None = None
    display_name: str | None = Field(default=None, max_length=256)


class TemplateChanges(Order):
    """What is to change; what is left out stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"memory_bytes_limit": "2Gi"}]})

    display_name: str = Field(default="", max_length=256)
    disabled: bool = False
    milli_cpu_limit: int = Field(default=0, ge=0, le=_MOST_MILLI_CPU)
    cpu_seconds_limit: int = Field(
        default=0, ge=0, le=_MOST_SECONDS, description="Processor time of one process in all."
    )
    memory_bytes_limit: Size = 0
    processes_limit: int = Field(
        default=0, ge=0, le=_MOST_PROCESSES, description="Processes and threads at once."
    )
    file_bytes_limit: Size = 0
    gpu: int = Field(default=0, ge=0, le=_MOST_GPUS)
    storage_bytes: Size = 0
    environment: dict[str, str] = {}
    max_idle_duration: Seconds | None = None
    max_life_duration: Seconds | None = None
    attached_keeps_alive: bool = Field(
        default=True,
        description="Whether a client that follows the kernel keeps it from being idle.",
    )
    restart_policy: Literal["never", "on-death"] = Field(
        default="never", description="Whether a kernel whose process died is started again."
    )
    queue_on_death: Literal["keep", "cancel"] = Field(
        default="keep", description="What becomes of queued tasks when it is started again."
    )
    preload: list[str] = Field(
        default=[],
        description="Modules that the process has imported from which kernels are forked.",
        json_schema_extra={"examples": [["numpy", "pandas"]]},
    )
    start: Literal["auto", "exec"] = Field(
        default="auto",
        description="`auto` forks kernels where that is possible and safe; `exec` starts each as a new "
        "program.",
    )
    engine_options: dict[str, JsonValue] = Field(default={}, description="For administrators.")
    pod: PodOrder = Field(default=PodOrder(), description="For engines that run kernels in pods.")


class NewTemplate(TemplateChanges):
    """Resources and limits for kernels to be made with."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "small",
                    "memory_bytes_limit": "1Gi",
                    "milli_cpu_limit": 1000,
                    "max_idle_duration": "1h",
                }
            ]
        }
    )

    name: str


class NewKernel(Order):
    """Which kernel is wanted."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"image": "python3", "labels": {"team": "vision"}}]}
    )

    image: str = Field(description="Name of an image; GET /v1/images lists them.")
    template: str = "default"
    name: str | None = Field(default=None, description="Unique among your live kernels.")
    display_name: str = ""
    environment: dict[str, str] = Field(default={}, description="Wins over the template's.")
    parameters: dict[str, JsonValue] = Field(
        default={}, description="Values for what the image's `parameters` declare."
    )
    path: str | None = Field(
        default=None,
        description=(
            "The notebook that it is for, if any. A whole path before '/./' in it is the directory in "
            "which the kernel starts, instead of its work directory."
        ),
    )
    labels: dict[str, str] = {}
    priority: int = Field(default=0, description="The largest is first where some wait.")
    get_or_create: bool = Field(
        default=False, description="Return your live kernel of this name if there is one."
    )


class NotebookQuestion(Order):
    """What is known of a notebook."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "metadata": {
                        "kernelspec": {"name": "python3", "language": "python"},
                        "language_info": {"name": "python", "version": "3.12.3"},
                    },
                    "path": "/data/report.ipynb",
                }
            ]
        }
    )

    metadata: dict[str, JsonValue] = Field(default={}, description="As the notebook has it.")
    path: str | None = Field(default=None, description="Under which a choice is remembered.")
    image: str | None = Field(default=None, description="An explicit choice; it wins.")
    default: str | None = Field(default=None, description="What the notebook's directory wants.")
    default_source: str | None = Field(default=None, description="Where that is written.")
    remember: bool = Field(default=False, description="Keep the explicit choice for this path.")
    forget: bool = Field(default=False, description="Forget the choice kept for this path first.")


class NewTask(Order):
    """Code to run."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"code": "print('hello')"}]})

    code: str
    labels: dict[str, str] = {}
    needs: str | None = Field(
        default=None,
        description="Id of an earlier task of this kernel. If that one does not succeed, this one is "
        "cancelled without being started.",
    )
    time_limit: Seconds | None = Field(
        default=None, description="How long it may run; over it, it is stopped and has failed."
    )
    silence_limit: Seconds | None = Field(
        default=None,
        description="How long it may say nothing; over it, it is stopped and has failed.",
    )
    restart_if_stuck: bool = Field(
        default=True,
        description="Whether the kernel is restarted when interrupts do not stop the task at a limit.",
    )


class CancelOrder(Order):
    """How a task is to be cancelled."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"allow_restart": True}]})

    allow_restart: bool = Field(
        default=False,
        description="Whether the kernel may be restarted if two interrupts do not stop the task.",
    )
    grace: Seconds = Field(
        default=2.0,
        description="Time between the first interrupt and the second, and again before a restart.",
    )


class AttachedKernel(Order):
    """Which kernel is to be attached."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "connection": {
                        "transport": "tcp",
                        "ip": "127.0.0.1",
                        "shell_port": 53181,
                        "iopub_port": 53182,
                        "stdin_port": 53183,
                        "control_port": 53184,
                        "hb_port": 53185,
                        "key": "the key in the file",
                        "signature_scheme": "hmac-sha256",
                        "kernel_name": "python3",
                    },
                    "name": "laboratory",
                }
            ]
        }
    )

    connection: dict[str, JsonValue] = Field(
        description="The content of its connection file.", repr=False
    )
    template: str = Field(
        default="default",
        description="Its idle and life limits say when the kernel is let go of; no other is applied.",
    )
    name: str | None = Field(default=None, description="Unique among your live kernels.")
    display_name: str = ""
    labels: dict[str, str] = {}
    pid: int | None = Field(
        default=None, description="Its process, where you know it; otherwise it is looked for."
    )
    interrupt_by: Literal["message", "signal"] = Field(
        default="message",
        description="How it is interrupted: a signal needs a process that is known and checked.",
    )


class TerminateOrder(Order):
    """What is to become of a kernel that was attached."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"shut_down": True}]})

    shut_down: bool = Field(
        default=False,
        description="Whether a kernel that was attached is told to shut down; otherwise it runs on.",
    )


class RestartOrder(Order):
    """How a kernel is to be restarted."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"cancel_queued": True}]})

    cancel_queued: bool = Field(
        default=False, description="Whether the tasks that wait are cancelled, too."
    )


class InterruptOrder(Order):
    """How a kernel is to be interrupted, and why."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"restart_if_needed": True}]})

    restart_if_needed: bool = Field(
        default=False,
        description="Whether the kernel is restarted where no interrupt can stop its code, or one "
        "would end the kernel.",
    )
    reason: str = Field(default="", description="For everybody who follows the kernel.")


class SignalOrder(Order):
    """A signal for a kernel."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"signal": "SIGUSR1"}]})

    signal: str | int = Field(description="Its name, such as `SIGUSR1`, or its number.")
    reason: str = Field(default="", description="For everybody who follows the kernel.")

    @field_validator("signal", mode="before")
    @classmethod
    def _is_name_or_number(cls, value: object) -> object:
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise PydanticCustomError("name_or_number", "it is neither a name nor a whole number")
        return value
