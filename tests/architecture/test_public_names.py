"""What is public is a list, and changing the list is a decision."""

from __future__ import annotations

import subprocess
import sys

import pytest

import kernelyard
import kernelyard.client

KERNELYARD = """
    ApiError AsyncClient AsyncKernel AsyncTask Client FollowInterruptedError Image Kernel KernelInfo
    KernelyardError Output Result RetryPolicy Task TaskError TaskFailedError TaskInfo TaskResult
    Template WaitTimeoutError __version__
"""
CLIENT = """
    Amount ApiError AsyncAudit AsyncClient AsyncEvents AsyncImages AsyncKernel AsyncKernels AsyncPools AsyncQuotas AsyncTask AsyncTasks
    AsyncTemplates AsyncTokens AsyncUsers Audit AuditEntry AuthenticationError BrokenProvider Client ConflictError ConnectionFailedError
    ConnectionFileError Event Events
    FollowInterruptedError Health HiddenImage Image ImageList ImageSnapshot Images InterruptResult Interruption
    InvalidRequestError Kernel KernelEndedError KernelInfo KernelLog Kernels KernelyardError LimitReachedError
    NewToken NoServerError NotFoundError Output OutputPage PermissionDeniedError Pool Pools Quota QuotaList Quotas Resolution
    Result RetryPolicy Rich ServerAddress ServerError SlowProvider StateChange Task TaskCancelledError TaskError TaskFailedError
    TaskInfo TaskLostError TaskResult Tasks Template TemplateSnapshot Templates Token Tokens
    TooLargeError UnavailableError UnexpectedAnswerError User Users WaitTimeoutError WhoAmI Zygote ZygoteList
    find_server
"""


def test_the_public_names_of_the_package() -> None:
    assert sorted(kernelyard.__all__) == sorted(KERNELYARD.split())
    assert set(kernelyard.__all__) <= set(dir(kernelyard))


def test_the_public_names_of_the_client() -> None:
    assert sorted(kernelyard.client.__all__) == sorted(CLIENT.split())


def test_every_public_name_can_be_had() -> None:
    for name in kernelyard.__all__:
        assert getattr(kernelyard, name) is not None
    for name in kernelyard.client.__all__:
        assert getattr(kernelyard.client, name) is not None
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = kernelyard.no_such_name


def test_both_colours_have_the_same_names() -> None:
    for name in (
        "Client",
        "Kernel",
        "Kernels",
        "Task",
        "Tasks",
        "Images",
        "Templates",
        "Tokens",
        "Users",
        "Audit",
        "Events",
    ):
        blocking = {one for one in dir(getattr(kernelyard.client, name)) if one[0] != "_"}
        awaiting = {one for one in dir(getattr(kernelyard.client, f"Async{name}")) if one[0] != "_"}
        assert blocking == awaiting


def test_the_package_alone_loads_nothing_heavy() -> None:
    code = (
        "import sys, kernelyard; "
        "print({'httpx', 'msgspec', 'kernelyard.client'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
