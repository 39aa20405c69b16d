"""What all clients of one login share: the server, who we are there, and which image is ``python``."""

from __future__ import annotations

from functools import cached_property

from kernelyard.client import Client, NotFoundError

PYTHON = "python"
"""Names the Python of the server in the guide."""


class Home:
    """The server that somebody has logged in to."""

    def __init__(self, yard: Client) -> None:
        self.yard = yard

    @cached_property
    def owner(self) -> str:
        """Whom the server takes us for: lists are of what is ours, for administrators too."""
        return self.yard.whoami().name

    @cached_property
    def python(self) -> str | None:
        """The server's own name of the image that is ``python``; None if there is none."""
        try:
            return self.yard.images.get(PYTHON).name
        except NotFoundError:
            return None

    def image_id(self, name: str) -> str:
        """Return what an image is called here."""
        return PYTHON if name == self.python else name

    def forget_python(self) -> None:
        """Ask again next time, for the name means something else now."""
        self.__dict__.pop("python", None)
