"""Every link between the pages leads somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT, markdown_files

_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]\n]+\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)


def _anchor(heading: str) -> str:
    plain = re.sub(r"[`*]|\[([^\]]+)\]\([^)]*\)", r"\1", heading).strip().lower()
    return re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", plain))


def _anchors(page: Path) -> set[str]:
    return {_anchor(text) for text in _HEADING.findall(_FENCE.sub("", page.read_text("utf-8")))}


def _dead(page: Path) -> list[str]:
    dead = []
    for link in _LINK.findall(_FENCE.sub("", page.read_text("utf-8"))):
        place, _, anchor = link.partition("#")
        if "://" in place or place.startswith("mailto:"):
            continue
        target = (page.parent / place).resolve() if place else page
        if not target.exists() or (anchor and anchor not in _anchors(target)):
            dead.append(link)
    return dead


@pytest.mark.parametrize(
    "page", markdown_files(), ids=lambda page: page.relative_to(ROOT).as_posix()
)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    assert not _dead(page)


def test_every_page_of_the_documentation_is_reached_from_its_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text("utf-8")
    linked = {(ROOT / "docs" / link.partition("#")[0]).resolve() for link in _LINK.findall(index)}
    pages = {path.resolve() for path in (ROOT / "docs").rglob("*.md")} - {
        (ROOT / "docs" / "README.md").resolve()
    }
    assert not {page.relative_to(ROOT).as_posix() for page in pages - linked}
