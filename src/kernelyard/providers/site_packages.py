"""What a Python can import, found by looking where its packages are; it is not run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kernelyard.providers.small_files import read_text


@dataclass(frozen=True, slots=True)
class SitePackages:
    """The directories in which a Python's packages are."""

    places: tuple[Path, ...] = ()

    @classmethod
    def of(cls, prefix: Path, version: str | None, base: Path | None = None) -> SitePackages:
        """Return those of the environment at ``prefix``.

        ``version`` is that of its Python, such as ``3.11``. ``base`` is the prefix of the Python
        whose packages it sees besides its own.
        """
        places = [*_within(prefix, version)]
        if base is not None:
            places += [*_within(base, version), *_of_the_system(base, version)]
        return cls(tuple(dict.fromkeys(path for one in places for path in (one, *_linked(one)))))

    def has(self, module: str) -> bool:
        """Whether a module or package of this name is there."""
        return any(
            (place / module / "__init__.py").is_file()
            or (place / f"{module}.py").is_file()
            or any(place.glob(f"{module}.*.so"))
            for place in self.places
        )


def _within(prefix: Path, version: str | None) -> Iterator[Path]:
    for library in ("lib", "lib64"):
        exact = prefix / library / f"python{version}" / "site-packages"
        if version and exact.is_dir():
            yield exact
            continue
        for kind in ("python*", "pypy*"):
            yield from sorted((prefix / library).glob(f"{kind}/site-packages"))


def _of_the_system(base: Path, version: str | None) -> Iterator[Path]:
    """Debian's own places, and the user's."""
    yield base / "lib" / "python3" / "dist-packages"
    yield base / "local" / "lib" / f"python{version}" / "dist-packages"
    yield Path.home() / ".local" / "lib" / f"python{version}" / "site-packages"


def _linked(place: Path) -> Iterator[Path]:
    """Directories that ``.pth`` files add; their lines of code are not run."""
    for file in sorted(place.glob("*.pth")):
        for line in map(str.strip, read_text(file).splitlines()):
            if line and not line.startswith(("#", "import ", "import\t")):
                path = Path(os.path.normpath(place / line))
                if path.is_dir():
                    yield path
