"""Kernelyard: queue code on headless kernels, walk away, read every output later.

::

    from kernelyard import Client

    with Client() as yard:
        kernel = yard.kernels.create(image="python3")
        print(kernel.run("6 * 7").text)

The names are loaded when they are first asked for, so that the parts of a server that need no
client stay small.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kernelyard.client import (
        ApiError,
        AsyncClient,
        AsyncKernel,
        AsyncTask,
        Client,
        FollowInterruptedError,
        Image,
        Kernel,
        KernelInfo,
        KernelyardError,
        Output,
        Result,
        RetryPolicy,
        Task,
        TaskError,
        TaskFailedError,
        TaskInfo,
        TaskResult,
        Template,
        WaitTimeoutError,
    )

    __version__: str

__all__ = [
    "ApiError",
    "AsyncClient",
    "AsyncKernel",
    "AsyncTask",
    "Client",
    "FollowInterruptedError",
    "Image",
    "Kernel",
    "KernelInfo",
    "KernelyardError",
    "Output",
    "Result",
    "RetryPolicy",
    "Task",
    "TaskError",
    "TaskFailedError",
    "TaskInfo",
    "TaskResult",
    "Template",
    "WaitTimeoutError",
    "__version__",
]


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version("kernelyard")
    if name in __all__:
        from kernelyard import client

        value: object = getattr(client, name)
        return value
    raise AttributeError(f"module 'kernelyard' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
