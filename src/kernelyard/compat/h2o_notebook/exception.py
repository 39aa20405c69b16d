"""Every error of these clients, as one tree.

::

    H2ONotebookException
    ├── CustomApiException         the server said no; status, reason, message, code
    ├── InvalidArgumentException   a size, duration or page that cannot be; also a ValueError
    ├── NotSupportedException      this cannot be said to a yard; also a NotImplementedError
    ├── LoginException             no server is named and none is found, or there is no token
    ├── ConnectionException        the server does not answer; also a ConnectionError
    └── TimeoutException           a wait took longer than its timeout; also a TimeoutError
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import ParamSpec, TypeVar

from kernelyard.client import (
    ApiError,
    ConnectionFailedError,
    KernelyardError,
    NoServerError,
    WaitTimeoutError,
)

P = ParamSpec("P")
T = TypeVar("T")
_STATUSES = {405: 404, 410: 404, 422: 400}
_WRONG_MOMENT = frozenset({"task_finished", "kernel_ended"})
"""What the guide's service calls an invalid argument."""


class H2ONotebookException(Exception):
    """Anything that can go wrong; ``status`` is the HTTP status that says it, where there is one."""

    status: int | None = None


class CustomApiException(H2ONotebookException):
    """The server refused a request and said why.

    ::

        except CustomApiException as error:
            if error.status == 404:
                ...
    """

    def __init__(self, status: int, message: str, *, code: str = "") -> None:
        self.status: int = status
        self.message = message
        """A sentence that says what is wrong and what to do."""
        self.code = code
        """The server's stable word for it, such as ``kernel_not_found``."""
        super().__init__(f"{status} ({self.reason}): {message}")

    @property
    def reason(self) -> str:
        """The name of the status."""
        try:
            return HTTPStatus(self.status).phrase
        except ValueError:
            return "Error"


class InvalidArgumentException(H2ONotebookException, ValueError):
    """A value cannot be understood, so nothing was sent."""

    status = 400


class NotSupportedException(H2ONotebookException, NotImplementedError):
    """A yard has nothing that this could be said with; the message tells what to use instead."""

    status = 501


class LoginException(H2ONotebookException):
    """No server is named and none is found, or there is no token for it."""


class ConnectionException(H2ONotebookException, ConnectionError):
    """The server does not answer; what runs there goes on."""


class TimeoutException(H2ONotebookException, TimeoutError):
    """A wait took longer than its ``timeout_seconds``; what was waited for goes on."""


def refuse_own_id(name: str, value: str) -> None:
    """Raise NotSupportedException if somebody wants to choose an id that the server gives."""
    if value:
        raise NotSupportedException(
            f"{name} cannot be chosen here: the server gives it, and the answer has it. Leave it out; "
            "a kernel may have a display_name."
        )


def of_the_guide(call: Callable[P, T]) -> Callable[P, T]:
    """Let ``call`` raise the errors above for those of the client."""

    @wraps(call)
    def asked(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return call(*args, **kwargs)
        except KernelyardError as error:
            raise translated(error) from error

    return asked


def translated(error: KernelyardError) -> H2ONotebookException:
    """Return what an error of the client is called here."""
    match error:
        case ApiError(code=code) if code in _WRONG_MOMENT:
            return CustomApiException(400, error.detail, code=code)
        case ApiError(status=status, code=code):
            return CustomApiException(_STATUSES.get(status, status), error.detail, code=code)
        case WaitTimeoutError():
            return TimeoutException(str(error))
        case ConnectionFailedError():
            return ConnectionException(str(error))
        case NoServerError():
            return LoginException(str(error))
        case _:
            return H2ONotebookException(str(error))
