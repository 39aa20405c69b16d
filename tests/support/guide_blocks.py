"""The code blocks of H2O's guide to its Kernel API, as programs for a yard.

The copy has them as the page shows them as text, where lines have lost their indentation.
"""

from __future__ import annotations

import re
from pathlib import Path

COPY = Path(__file__).parents[1] / "compat" / "h2o_notebook" / "kernel_api_blocks.txt"
_OPENS = re.compile(r"(for|with) .*:")
_PACKAGE = re.compile(r"^(import|from) h2o_notebook\b", re.MULTILINE)


def guide_blocks() -> dict[str, str]:
    """Every block by the heading that it stands under, as it stands."""
    parts = re.split(r"^=== (.+)\n", COPY.read_text("utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def as_python(block: str) -> str:
    """Return a block with the indentation that it needs to be a program.

    What follows a ``for`` or ``with`` belongs to it, up to an empty line or the end of the string that
    it stands in.
    """
    lines, inside = [], False
    for line in block.splitlines():
        if not line.strip() or line.startswith('"""'):
            inside = False
        lines.append(f"    {line}" if inside else line)
        inside = inside or _OPENS.fullmatch(line) is not None
    return "\n".join(lines) + "\n"


def with_our_import(program: str) -> str:
    """Return a program that has our package where it had the published one; nothing else changes."""

    def ours(found: re.Match[str]) -> str:
        if found[1] == "import":
            return "from kernelyard.compat import h2o_notebook"
        return "from kernelyard.compat.h2o_notebook"

    return _PACKAGE.sub(ours, program)
