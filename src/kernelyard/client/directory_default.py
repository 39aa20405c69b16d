"""The image that a directory wants for its notebooks: ``image`` in a file ``.kernelyard.toml``."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from kernelyard.client.errors import KernelyardError

FILE_NAME = ".kernelyard.toml"
_LARGEST_FILE = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryDefault:
    """What a directory wants, and where that is written."""

    image: str
    file: Path


def find_default(notebook: Path) -> DirectoryDefault | None:
    """Look beside a notebook, then in the directories above it, up to the user's home.

    The first file that names an image counts. Raises KernelyardError for one that cannot be read.
    """
    home = Path.home()
    for directory in notebook.absolute().parents:
        file = directory / FILE_NAME
        if file.is_file() and (image := _image_in(file)) is not None:
            return DirectoryDefault(image=image, file=file)
        if directory == home:
            return None
    return None


def _image_in(file: Path) -> str | None:
    try:
        with file.open("rb") as stream:
            values = tomllib.loads(stream.read(_LARGEST_FILE).decode())
    except OSError as error:
        raise KernelyardError(f"{file} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise KernelyardError(f"{file} is not TOML: {error}. Correct it.") from error
    for key in values:
        if key != "image":
            raise KernelyardError(
                f"{file} has {key!r}, and 'image' is all it may have. Correct it."
            )
    image = values.get("image")
    if image is not None and not (isinstance(image, str) and image):
        raise KernelyardError(f"'image' in {file} must be the name of an image. Correct it.")
    return image
