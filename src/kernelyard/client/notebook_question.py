"""Which image for this notebook? What the server is asked."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kernelyard.client.directory_default import find_default
from kernelyard.client.notebook import NotebookRun

Notebook = str | os.PathLike[str] | Mapping[str, Any]
_WANTED = ("kernelspec", "language_info")


def question_of(
    notebook: Notebook,
    *,
    path: str | None,
    image: str | None,
    default: str | None,
    remember: bool,
    forget: bool,
) -> dict[str, object]:
    """Return the question about a notebook file, a notebook, or the metadata of one.

    Of a file the directory's default is looked up unless ``default`` is given. Raises KernelyardError,
    OSError.
    """
    question: dict[str, object] = {"remember": remember, "forget": forget}
    if isinstance(notebook, Mapping):
        metadata: Any = notebook.get("metadata", notebook) if "cells" in notebook else notebook
    else:
        file = Path(notebook).absolute()
        metadata = NotebookRun.read(file).notebook.metadata
        path = path or str(file.resolve())
        if default is None and image is None and (found := find_default(file)) is not None:
            default = found.image
            question["default_source"] = str(found.file)
    # The rest may be large, such as the state of widgets, and tells nothing of the kernel.
    question["metadata"] = {name: metadata[name] for name in _WANTED if name in metadata}
    given = {"path": path, "image": image, "default": default}
    return question | {name: value for name, value in given.items() if value is not None}
