"""The import rules of .importlinter hold, and the agent stays small."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.architecture.sources import PACKAGE, ROOT

HEAVY = frozenset(
    {
        "alembic",
        "fastapi",
        "httpx",
        "nbformat",
        "pandas",
        "pydantic",
        "rich",
        "sqlalchemy",
        "starlette",
        "typer",
        "uvicorn",
    }
)
_LOADED = (
    "import sys; import {}; print(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
)


def _run(*argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *argv],
        cwd=ROOT,
        env=os.environ | {"PYTHONUTF8": "1", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


def _loaded_by(module: str) -> set[str]:
    done = _run("-c", _LOADED.format(module))
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_every_room_imports_only_what_it_may() -> None:
    done = _run("-c", "from importlinter.cli import lint_imports; raise SystemExit(lint_imports())")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("module", ["kernelyard.agent.__main__", "kernelyard.providers.kernelspec"])
def test_what_goes_beside_kernels_loads_nothing_of_the_server(module: str) -> None:
    assert not HEAVY & _loaded_by(module)


def test_the_model_loads_neither_a_loop_nor_a_log() -> None:
    names = sorted(path.stem for path in (PACKAGE / "model").glob("[a-z]*.py"))
    source = "; ".join(f"import kernelyard.model.{name}" for name in names)
    done = _run(
        "-c", f"import sys; {source}; print('asyncio' in sys.modules, 'logging' in sys.modules)"
    )
    assert done.stdout.split() == ["False", "False"], done.stderr


def test_the_client_loads_nothing_of_the_server() -> None:
    loaded = _loaded_by("kernelyard.client")
    assert not loaded & {"fastapi", "sqlalchemy", "uvicorn", "zmq", "alembic"}


def test_importing_the_package_is_cheap_until_a_client_is_wanted() -> None:
    assert not _loaded_by("kernelyard") & {"httpx", "pydantic", "zmq", "sqlalchemy"}
