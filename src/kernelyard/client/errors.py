"""Every error of the client, as one tree.

::

    KernelyardError
    ├── NoServerError             no address was given, and no local server was found
    ├── ConnectionFailedError     the server cannot be reached, and the time for retries is over
    │   └── FollowInterruptedError   a follow was cut and could not be taken up again
    ├── ConnectionFileError       a connection file cannot be used to attach a kernel; also a ValueError
    ├── UnexpectedAnswerError     something answered that is not a kernelyard server of our kind
    ├── ApiError                  the server said no; status, code, detail, field, request_id
    │   ├── InvalidRequestError      400, 422
    │   ├── AuthenticationError      401
    │   ├── PermissionDeniedError    403
    │   ├── NotFoundError            404, 405, 410
    │   ├── ConflictError            409
    │   ├── TooLargeError            413
    │   ├── LimitReachedError        429
    │   └── ServerError              5xx
    │       └── UnavailableError        502, 503, 504, 507
    ├── WaitTimeoutError          a wait took longer than its timeout; also a TimeoutError
    ├── TaskFailedError           raised by TaskResult.raise_for_error(): the code raised
    │   ├── TaskCancelledError       somebody cancelled it
    │   └── TaskLostError            the kernel ended while it ran
    └── KernelEndedError          the kernel ended while its readiness was waited for

Match on the class or on ``code``, which is stable; sentences may change::

    try:
        kernel = yard.kernels.create(image="no-such-image")
    except NotFoundError as error:
        print(error.code, error.detail)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kernelyard.client.results import TaskResult
    from kernelyard.client.types import KernelInfo


class KernelyardError(Exception):
    """Anything that can go wrong between this client and a server.

    ::

        try:
            ...
        except KernelyardError as error:
            sys.exit(f"kernelyard: {error}")
    """


class NoServerError(KernelyardError):
    """No address was given and no local server was found; the message says what to do."""


class ConnectionFileError(KernelyardError, ValueError):
    """A connection file cannot be used to attach its kernel; the message says why."""


class ConnectionFailedError(KernelyardError):
    """The server cannot be reached, and the time for retries is over.

    Nothing on the server is lost by this; get the handle again by its id and go on.
    """


class FollowInterruptedError(ConnectionFailedError):
    """A follow was cut and could not be taken up again. Go on later from ``last``::

    try:
        for output in task.follow():
            ...
    except FollowInterruptedError as error:
        later = task.follow(after=error.last)
    """

    def __init__(self, message: str, *, last: int = 0) -> None:
        self.last = last
        """The number of the last output that was yielded."""
        super().__init__(message)


class UnexpectedAnswerError(KernelyardError):
    """Something answered in a form that this client does not understand."""


class ApiError(KernelyardError):
    """The server refused a request and said why.

    ::

        except ApiError as error:
            log.warning("refused: %s (request %s)", error.code, error.request_id)
    """

    def __init__(
        self,
        detail: str,
        *,
        status: int,
        code: str,
        field: str | None = None,
        request_id: str | None = None,
    ) -> None:
        self.detail = detail
        """A sentence that says what is wrong and what to do."""
        self.status = status
        self.code = code
        """A stable word such as ``kernel_not_found``."""
        self.field = field
        """The part of the request that is at fault, where there is one."""
        self.request_id = request_id
        """Names this request in the server's log."""
        self.perhaps_done = False
        """Whether an earlier attempt, whose answer was lost, may have been carried out."""
        super().__init__(detail)


class InvalidRequestError(ApiError):
    """The request is not valid; ``field`` names the part at fault."""


class AuthenticationError(ApiError):
    """No token was sent, or a wrong one."""


class PermissionDeniedError(ApiError):
    """The token is right and does not allow this."""


class NotFoundError(ApiError):
    """There is no such thing."""


class ConflictError(ApiError):
    """The request is right and the present state forbids it, as with a name that is taken."""


class TooLargeError(ApiError):
    """The request is larger than the server accepts."""


class LimitReachedError(ApiError):
    """A limit of the server is reached, such as the number of kernels."""


class ServerError(ApiError):
    """Something went wrong in the server; its log has more under ``request_id``."""


class UnavailableError(ServerError):
    """The server cannot do this at the moment; the time for retries is over."""


class WaitTimeoutError(KernelyardError, TimeoutError):
    """A wait took longer than its timeout. What was waited for goes on.

    ::

        try:
            result = task.wait(timeout=60)
        except WaitTimeoutError:
            task.cancel()
    """


class TaskFailedError(KernelyardError):
    """A task did not succeed. ``result`` has all that it said until its end.

    ::

        try:
            kernel.run("1/0").raise_for_error()
        except TaskFailedError as error:
            print(error.result.error.name)  # ZeroDivisionError
    """

    def __init__(self, message: str, *, result: TaskResult) -> None:
        self.result = result
        super().__init__(message)


class TaskCancelledError(TaskFailedError):
    """The task was cancelled, before or while it ran."""


class TaskLostError(TaskFailedError):
    """The kernel ended while the task ran."""


class KernelEndedError(KernelyardError):
    """The kernel ended while its readiness was waited for; ``kernel.reason`` says why."""

    def __init__(self, message: str, *, kernel: KernelInfo) -> None:
        self.kernel = kernel
        super().__init__(message)
