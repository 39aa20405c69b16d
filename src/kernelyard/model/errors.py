"""Every error that a user can meet, as one tree.

::

    YardError
    ├── Invalid            the request cannot be understood or is out of range
    │   ├── CursorMalformed
    │   └── CursorBeyondEnd
    ├── Unauthenticated    no token, or a wrong one
    ├── Forbidden          the token is right and does not allow this
    ├── NotFound
    │   ├── ImageNotFound · TemplateNotFound · KernelNotFound · TaskNotFound · TokenNotFound
    │   ├── UserNotFound · PoolNotFound · NotebookSpecNotFound
    │   └── ResourceNotFound
    ├── Conflict           the request is right and the present state forbids it
    │   ├── NameTaken · AlreadyExists · IdempotencyKeyReused
    │   ├── ImageDisabled · TemplateDisabled · ImageNotReady · NoImageFits
    │   ├── KernelNotRunning · KernelEnded · RecordsGone
    │   ├── KernelNotOwned · AlreadyAttached · NeverFits
    │   └── TaskFinished
    ├── TooLarge           a body or a value over its limit
    ├── LimitReached       a quota
    │   └── TooManyFailures    wrong tokens from one address
    └── Unavailable        the request is right and cannot be served now
        ├── AgentUnavailable
        └── StorageFull

A class has a stable ``code``; its docstring is the default message. Only doors know status codes.
"""

from __future__ import annotations

from typing import ClassVar


class YardError(Exception):
    """Something went wrong inside the server. Its log has the details under the request id."""

    code: ClassVar[str] = "internal"

    def __init__(
        self, message: str | None = None, *, field: str | None = None, detail: str | None = None
    ) -> None:
        """``message`` is safe to show; ``detail`` is for logs only."""
        self.message = message or (type(self).__doc__ or "").strip()
        self.field = field
        self.detail = detail
        super().__init__(self.message)


class Invalid(YardError):
    """The request is not valid. Correct the named field and send it again."""

    code = "invalid"


class CursorMalformed(Invalid):
    """This page cursor was not made by this server. Begin again without a cursor."""

    code = "cursor_malformed"


class CursorBeyondEnd(Invalid):
    """The number after which outputs were asked for does not exist yet. Begin again with after=0."""

    code = "cursor_beyond_end"


class Unauthenticated(YardError):
    """A valid token is needed. Send it as 'Authorization: Bearer <token>'."""

    code = "unauthenticated"


class Forbidden(YardError):
    """Your token does not allow this. Ask an administrator of this server."""

    code = "forbidden"


class NotFound(YardError):
    """There is no such thing. List what exists and choose from it."""

    code = "not_found"


class ImageNotFound(NotFound):
    """There is no such image. 'kernelyard images' or GET /v1/images lists the images."""

    code = "image_not_found"


class TemplateNotFound(NotFound):
    """There is no such template. 'kernelyard templates' or GET /v1/templates lists them."""

    code = "template_not_found"


class KernelNotFound(NotFound):
    """There is no such kernel. 'kernelyard kernels' or GET /v1/kernels lists yours."""

    code = "kernel_not_found"


class TaskNotFound(NotFound):
    """There is no such task. 'kernelyard tasks' or GET /v1/tasks lists yours."""

    code = "task_not_found"


class TokenNotFound(NotFound):
    """There is no such token. 'kernelyard token list' or GET /v1/tokens lists them."""

    code = "token_not_found"


class UserNotFound(NotFound):
    """There is no such user. 'kernelyard user list' or GET /v1/users lists them."""

    code = "user_not_found"


class PoolNotFound(NotFound):
    """There is no such pool. 'kernelyard pool list' lists those that serve you."""

    code = "pool_not_found"


class NotebookSpecNotFound(NotFound):
    """There is no such notebook spec. List those there are and choose one."""

    code = "notebook_spec_not_found"


class ResourceNotFound(NotFound):
    """This image has no such file. Its 'resources' field lists the files it has."""

    code = "resource_not_found"


class Conflict(YardError):
    """The present state does not allow this."""

    code = "conflict"


class NameTaken(Conflict):
    """One of your live kernels has this name. Use it (get-or-create), terminate it, or choose another name."""

    code = "name_taken"


class AlreadyExists(Conflict):
    """Something with this name exists. Choose another name, or update or delete the existing one."""

    code = "already_exists"


class IdempotencyKeyReused(Conflict):
    """This idempotency key was used for a different request. Use a fresh key for each new request."""

    code = "idempotency_key_reused"


class ImageDisabled(Conflict):
    """This image is disabled by an administrator. Choose another image."""

    code = "image_disabled"


class ImageNotReady(Conflict):
    """This image cannot start a kernel now. Its 'problem' field says what to do."""

    code = "image_not_ready"


class NoImageFits(Conflict):
    """Nothing tells which image is to run this notebook. Choose one of those there are."""

    code = "no_image_fits"


class TemplateDisabled(Conflict):
    """This template is disabled by an administrator. Choose another template."""

    code = "template_disabled"


class RecordsGone(Conflict):
    """The journal no longer has these records, for they were stored before. Go on from the first it has."""

    code = "records_gone"

    def __init__(self, message: str | None = None, *, first: int = 1) -> None:
        """``first`` is the number of the first record that the journal has."""
        self.first = first
        super().__init__(message)


class KernelNotRunning(Conflict):
    """The kernel is not running yet. Wait until its state is idle or busy."""

    code = "kernel_not_running"


class KernelEnded(Conflict):
    """The kernel has ended. Its outputs stay readable; create a new kernel to run more code."""

    code = "kernel_ended"


class KernelNotOwned(Conflict):
    """Somebody else has started this kernel, so it is not restarted here. Restart it where it was started."""

    code = "kernel_not_owned"


class AlreadyAttached(Conflict):
    """You have attached this kernel already. Use it, or detach it first."""

    code = "already_attached"


class NeverFits(Conflict):
    """This asks for more than may be used at once. Choose a smaller template, or have the limit raised."""

    code = "never_fits"


class TaskFinished(Conflict):
    """The task has already ended; there is nothing to cancel. Its outputs stay readable."""

    code = "task_finished"


class TooLarge(YardError):
    """The request is larger than this server accepts. Send less, or raise the server's limit."""

    code = "too_large"


class LimitReached(YardError):
    """A limit of this server is reached. Terminate kernels you no longer need and try again."""

    code = "limit_reached"


class TooManyFailures(LimitReached):
    """Too many wrong tokens have come from your address. Correct the token and wait a minute."""

    code = "too_many_failures"

    def __init__(self, retry_after: float = 60.0) -> None:
        """``retry_after`` is in seconds."""
        super().__init__()
        self.retry_after = retry_after


class Unavailable(YardError):
    """The server cannot do this at the moment. Try again shortly."""

    code = "unavailable"


class AgentUnavailable(Unavailable):
    """The agent beside the kernels does not answer. Nothing is lost; try again shortly."""

    code = "agent_unavailable"


class StorageFull(Unavailable):
    """The data directory has no space left. Free some space; running kernels go on meanwhile."""

    code = "storage_full"
