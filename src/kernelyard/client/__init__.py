"""The client of kernelyard, in two colours of one source.

``Client`` blocks and ``AsyncClient`` awaits; all else is the same. It stands alone: nothing of the
server is imported.
"""

from __future__ import annotations

from kernelyard.client._async.client import AsyncClient
from kernelyard.client._async.events import AsyncEvents
from kernelyard.client._async.images import AsyncImages
from kernelyard.client._async.kernel import AsyncKernel
from kernelyard.client._async.kernels import AsyncKernels
from kernelyard.client._async.pools import AsyncPools
from kernelyard.client._async.quotas import AsyncQuotas
from kernelyard.client._async.tasks import AsyncTask, AsyncTasks
from kernelyard.client._async.templates import AsyncTemplates
from kernelyard.client._async.tokens import AsyncTokens
from kernelyard.client._async.users import AsyncAudit, AsyncUsers
from kernelyard.client._sync.client import Client
from kernelyard.client._sync.events import Events
from kernelyard.client._sync.images import Images
from kernelyard.client._sync.kernel import Kernel
from kernelyard.client._sync.kernels import Kernels
from kernelyard.client._sync.pools import Pools
from kernelyard.client._sync.quotas import Quotas
from kernelyard.client._sync.tasks import Task, Tasks
from kernelyard.client._sync.templates import Templates
from kernelyard.client._sync.tokens import Tokens
from kernelyard.client._sync.users import Audit, Users
from kernelyard.client.errors import (
    ApiError,
    AuthenticationError,
    ConflictError,
    ConnectionFailedError,
    ConnectionFileError,
    FollowInterruptedError,
    InvalidRequestError,
    KernelEndedError,
    KernelyardError,
    LimitReachedError,
    NoServerError,
    NotFoundError,
    PermissionDeniedError,
    ServerError,
    TaskCancelledError,
    TaskFailedError,
    TaskLostError,
    TooLargeError,
    UnavailableError,
    UnexpectedAnswerError,
    WaitTimeoutError,
)
from kernelyard.client.following import Interruption
from kernelyard.client.image_types import (
    BrokenProvider,
    HiddenImage,
    Image,
    ImageList,
    Resolution,
    SlowProvider,
)
from kernelyard.client.outputs import Output, OutputPage
from kernelyard.client.people_types import AuditEntry, NewToken, Token, User, WhoAmI
from kernelyard.client.pool_types import Pool
from kernelyard.client.quota_types import Amount, Quota, QuotaList
from kernelyard.client.results import Result, TaskResult
from kernelyard.client.retrying import RetryPolicy
from kernelyard.client.rich import Rich
from kernelyard.client.settings import ServerAddress, find_server
from kernelyard.client.types import (
    Event,
    Health,
    ImageSnapshot,
    InterruptResult,
    KernelInfo,
    KernelLog,
    StateChange,
    TaskError,
    TaskInfo,
    Template,
    TemplateSnapshot,
)
from kernelyard.client.zygote_types import Zygote, ZygoteList

__all__ = [
    "Amount",
    "ApiError",
    "AsyncAudit",
    "AsyncClient",
    "AsyncEvents",
    "AsyncImages",
    "AsyncKernel",
    "AsyncKernels",
    "AsyncPools",
    "AsyncQuotas",
    "AsyncTask",
    "AsyncTasks",
    "AsyncTemplates",
    "AsyncTokens",
    "AsyncUsers",
    "Audit",
    "AuditEntry",
    "AuthenticationError",
    "BrokenProvider",
    "Client",
    "ConflictError",
    "ConnectionFailedError",
    "ConnectionFileError",
    "Event",
    "Events",
    "FollowInterruptedError",
    "Health",
    "HiddenImage",
    "Image",
    "ImageList",
    "ImageSnapshot",
    "Images",
    "InterruptResult",
    "Interruption",
    "InvalidRequestError",
    "Kernel",
    "KernelEndedError",
    "KernelInfo",
    "KernelLog",
    "Kernels",
    "KernelyardError",
    "LimitReachedError",
    "NewToken",
    "NoServerError",
    "NotFoundError",
    "Output",
    "OutputPage",
    "PermissionDeniedError",
    "Pool",
    "Pools",
    "Quota",
    "QuotaList",
    "Quotas",
    "Resolution",
    "Result",
    "RetryPolicy",
    "Rich",
    "ServerAddress",
    "ServerError",
    "SlowProvider",
    "StateChange",
    "Task",
    "TaskCancelledError",
    "TaskError",
    "TaskFailedError",
    "TaskInfo",
    "TaskLostError",
    "TaskResult",
    "Tasks",
    "Template",
    "TemplateSnapshot",
    "Templates",
    "Token",
    "Tokens",
    "TooLargeError",
    "UnavailableError",
    "UnexpectedAnswerError",
    "User",
    "Users",
    "WaitTimeoutError",
    "WhoAmI",
    "Zygote",
    "ZygoteList",
    "find_server",
]
