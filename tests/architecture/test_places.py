"""Nothing in the repository tells on which machine it was made."""

from __future__ import annotations

import re

from tests.architecture.sources import ROOT, markdown_files, python_files

TREES = ("src", "tests", "tools", "benchmarks", "examples")
PLACES = re.compile(
    "|".join(("/" + "work/", "/" + "root/", "/" + "opt/", "/" + "home/[a-z]+/", "/" + "Users/"))
)


def test_no_path_of_a_building_machine_is_in_the_repository() -> None:
    pages = {
        path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in markdown_files()
    }
    files = pages | {source.name: source.text for source in python_files(*TREES)}
    for name in ("Makefile", ".ci/run", "pyproject.toml", ".importlinter"):
        files[name] = (ROOT / name).read_text("utf-8")
    found = [
        f"{name}:{number}"
        for name, text in files.items()
        for number, line in enumerate(text.splitlines(), 1)
        if PLACES.search(line)
    ]
    assert not found


def test_lock_files_name_no_index_and_hash_every_package() -> None:
    for path in sorted((ROOT / "requirements").glob("*.lock")):
        text = path.read_text("utf-8")
        assert "://" not in text
        assert not re.search(r"^-", text, re.MULTILINE)
        pinned = re.split(r"^(?=[a-z0-9][a-z0-9._-]*==)", text, flags=re.MULTILINE)[1:]
        assert pinned
        assert all("--hash=sha256:" in block for block in pinned)


def test_the_development_lock_holds_all_of_the_demo_lock() -> None:
    pins = {
        name: set(
            re.findall(
                r"^([a-z0-9][^ \\]*==[^ \\]+)",
                (ROOT / "requirements" / name).read_text("utf-8"),
                re.MULTILINE,
            )
        )
        for name in ("demo.lock", "dev.lock")
    }
    assert pins["demo.lock"] <= pins["dev.lock"]
