"""Rich data: one thing in several forms, as Jupyter kernels send it."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Container
from typing import Any


class Rich:
    """Something with a MIME bundle. A form that it does not have is None.

    ::

        figure = kernel.run("import matplotlib.pyplot as plt; plt.plot([1, 2]); plt.show()")
        Path("figure.png").write_bytes(figure.results[0].png)
    """

    __slots__ = ()

    @property
    def data(self) -> dict[str, Any]:
        """All forms, by MIME type, as the kernel sent them."""
        raise NotImplementedError

    @property
    def metadata(self) -> dict[str, Any]:
        """What the kernel said about the forms, such as the width of a picture."""
        raise NotImplementedError

    @property
    def text(self) -> str:
        """The plain text; empty if there is none."""
        return self._written("text/plain") or ""

    @property
    def html(self) -> str | None:
        """The HTML."""
        return self._written("text/html")

    @property
    def markdown(self) -> str | None:
        """The Markdown."""
        return self._written("text/markdown")

    @property
    def latex(self) -> str | None:
        """The LaTeX."""
        return self._written("text/latex")

    @property
    def javascript(self) -> str | None:
        """The JavaScript."""
        return self._written("application/javascript")

    @property
    def svg(self) -> str | None:
        """The SVG picture, as text."""
        return self._written("image/svg+xml")

    @property
    def png(self) -> bytes | None:
        """The PNG picture."""
        return self._bytes("image/png")

    @property
    def jpeg(self) -> bytes | None:
        """The JPEG picture."""
        return self._bytes("image/jpeg")

    @property
    def gif(self) -> bytes | None:
        """The GIF picture."""
        return self._bytes("image/gif")

    @property
    def pdf(self) -> bytes | None:
        """The PDF document."""
        return self._bytes("application/pdf")

    @property
    def json(self) -> Any:
        """The JSON value, decoded."""
        return self.data.get("application/json")

    def _written(self, mime: str) -> str | None:
        value = self.data.get(mime)
        if value is None or isinstance(value, str):
            return value
        if isinstance(value, list):
            return "".join(str(line) for line in value)
        return json.dumps(value)

    def _bytes(self, mime: str) -> bytes | None:
        value = self._written(mime)
        if value is None:
            return None
        try:
            return base64.b64decode(value)
        except (binascii.Error, ValueError):
            return None

    def _repr_mimebundle_(
        self, include: Container[str] | None = None, exclude: Container[str] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        data = {
            mime: value
            for mime, value in self.data.items()
            if (include is None or mime in include) and (exclude is None or mime not in exclude)
        }
        return data or {"text/plain": self.text}, self.metadata
