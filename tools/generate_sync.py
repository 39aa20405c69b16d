"""Write the synchronous client and its tests from the asynchronous ones.

::

    python tools/generate_sync.py            # write
    python tools/generate_sync.py --check    # fail if anything written differs

Every pattern must be used somewhere, and nothing asynchronous may be left over.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = (
    ("src/kernelyard/client/_async", "src/kernelyard/client/_sync"),
    ("tests/client/_async", "tests/client/_sync"),
)
HEADER = "# Generated from {source} by tools/generate_sync.py: do not edit.\n# ruff: noqa: RUF100, SIM117, UP028\n"
PATTERNS = (
    (r"async def", "def"),
    (r"async with", "with"),
    (r"async for", "for"),
    (r"\(await (\w[\w.]*\([^()]*\))\)", r"\1"),
    (r"await ", ""),
    (r"__aenter__", "__enter__"),
    (r"__aexit__", "__exit__"),
    (r"\bAsyncGenerator\b", "Generator"),
    (r"\bAsyncIterator\b", "Iterator"),
    (r"\basynccontextmanager\b", "contextmanager"),
    (r"\baclosing\b", "closing"),
    (r"\baclose\b", "close"),
    (r"\banext\b", "next"),
    (r"\baread\b", "read"),
    (r"\baiter_bytes\b", "iter_bytes"),
    (r"\bimport asyncio\b", "import time"),
    (r"\basyncio\.sleep\b", "time.sleep"),
    (r"\bAsyncBaseTransport\b", "BaseTransport"),
    (r"\bAsyncHTTPTransport\b", "HTTPTransport"),
    (r"\bhandle_async_request\b", "handle_request"),
    (
        r"\bAsync(Audit|Client|Direct|Events|Http|Images|Kernel|Kernels|Pools|Quotas|Task|Tasks|Templates|Tokens|Users)\b",
        r"\1",
    ),
    (r"\b_async\b", "_sync"),
    (
        r"The asynchronous client\. The synchronous one is generated from this folder\.",
        "The synchronous client, generated from the asynchronous one.",
    ),
)
LEFT_OVER = re.compile(r"\basync\b|\bawait\b|\basyncio\b|Async[A-Z]|\b__a[a-z]+__")


def main() -> int:
    check = "--check" in sys.argv[1:]
    used: set[int] = set()
    wanted: dict[Path, str] = {}
    for source_folder, target_folder in FOLDERS:
        for source in sorted((ROOT / source_folder).rglob("*.py")):
            relative = source.relative_to(ROOT / source_folder)
            wanted[ROOT / target_folder / relative] = translated(source, used)
    unused = [PATTERNS[index][0] for index in range(len(PATTERNS)) if index not in used]
    if unused:
        print(f"patterns that nothing uses any more: {unused}", file=sys.stderr)
        return 1
    stale = [path for path, text in wanted.items() if not _holds(path, text)]
    orphans = [
        path
        for _, target_folder in FOLDERS
        for path in sorted((ROOT / target_folder).rglob("*.py"))
        if path not in wanted
    ]
    if check:
        for path in [*stale, *orphans]:
            print(f"{path.relative_to(ROOT)} is not what would be generated", file=sys.stderr)
        return 1 if stale or orphans else 0
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted[path], encoding="utf-8")
        print(f"wrote {path.relative_to(ROOT)}")
    for path in orphans:
        path.unlink()
        print(f"removed {path.relative_to(ROOT)}")
    return 0


def translated(source: Path, used: set[int]) -> str:
    """Return the synchronous text of one asynchronous file."""
    text = source.read_text(encoding="utf-8")
    for index, (pattern, replacement) in enumerate(PATTERNS):
        text, count = re.subn(pattern, replacement, text)
        if count:
            used.add(index)
    left = LEFT_OVER.search(text)
    if left:
        line = text.count("\n", 0, left.start()) + 1
        raise SystemExit(f"{source}: {left.group()!r} is left over near line {line}")
    header = HEADER.format(source=source.relative_to(ROOT).as_posix())
    name = str(source)
    text = _ruff(["check", "--select", "I", "--fix", "--quiet"], header + text, name)
    return _ruff(["format", "--quiet"], text, name)


def _ruff(arguments: list[str], text: str, name: str) -> str:
    command = [sys.executable, "-m", "ruff", *arguments, "--stdin-filename", name, "-"]
    done = subprocess.run(
        command, input=text, capture_output=True, text=True, cwd=ROOT, check=False
    )
    if done.returncode:
        raise SystemExit(f"ruff {' '.join(arguments)}: {done.stderr or done.stdout}")
    return done.stdout


def _holds(path: Path, text: str) -> bool:
    return path.exists() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    raise SystemExit(main())
