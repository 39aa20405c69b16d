"""Kernelspecs that come and go while servers run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from kernelyard import Client

from tests.support.live_server import wait_until


def install(place: Path, name: str, **spec: object) -> Path:
    """Write a kernelspec below ``place`` as installers do: a directory, then the file in it."""
    directory = place / "kernels" / name
    directory.mkdir(parents=True)
    content = {"argv": ["sh"], "display_name": name, "language": "x", **spec}
    (directory / "kernel.json").write_text(json.dumps(content))
    return directory


def wait_until_images_are_watched(yard: Client, place: Path) -> None:
    """Wait until the server tells what becomes of images: what it finds before is nothing new to it."""

    def tells() -> bool:
        marker = install(place, "marker")
        yard.images.list(refresh=True)
        shutil.rmtree(marker)
        yard.images.list(refresh=True)
        return any(event.image == "marker" for event in yard.events.list(about="images"))

    wait_until(tells, 40)
    shutil.rmtree(place)
