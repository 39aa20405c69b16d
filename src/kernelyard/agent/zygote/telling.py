"""Telling from which files a zygote has taken something, so that the agent notices when they change."""

import json
import os
import site
import sys
from typing import Any

_MOST_PTH = 200


def tell(place: str, app: Any) -> None:
    """Write it into a file that only its owner may read. A disk that is full is no reason not to fork."""
    said = {"near": _near(app), "files": _files()}
    try:
        descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape") as file:
            json.dump(said, file, ensure_ascii=False)
    except (OSError, ValueError):
        return


def _near(app: Any) -> "list[str]":
    """Where an interpreter and IPython look: what is there, and what may come to be there."""
    found = [sys.executable, os.path.join(sys.prefix, "pyvenv.cfg")]  # noqa: PTH118
    places = [place for place in sys.path if place and os.path.isabs(place)]  # noqa: PTH117
    found += places
    packages = [*site.getsitepackages(), site.getusersitepackages()]
    for place in dict.fromkeys([*places, *packages]):
        found.append(place)
        try:
            names = sorted(os.listdir(place))  # noqa: PTH208
        except OSError:
            continue
        found += [os.path.join(place, name) for name in names[:100_000] if name.endswith(".pth")]  # noqa: PTH118
    for place in app.config_file_paths:
        for name in sorted({"ipython_config.py", *app.config_files}):
            stem = os.path.splitext(name)[0]  # noqa: PTH122
            found += [os.path.join(place, stem + kind) for kind in (".py", ".json")]  # noqa: PTH118
    return list(dict.fromkeys(found))[: 4 * _MOST_PTH]


def _files() -> "list[str]":
    files = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
    return list(dict.fromkeys(one for one in files if isinstance(one, str)))
