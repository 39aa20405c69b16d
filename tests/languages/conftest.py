"""An agent that knows the kernels of all languages; a language that is not installed is skipped.

`make setup` installs them. Where CI is set, a kernel that is missing is a failure.
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.languages.languages import LANGUAGES, Language
from tests.support.agent_process import AgentProcess
from tools.kernels_for_tests import has_irkernel, has_python_kernels


@pytest.fixture(params=LANGUAGES, ids=lambda language: language.name)
def language(request: pytest.FixtureRequest) -> Language:
    """Each language in turn."""
    found: Language = request.param
    require(found)
    return found


@pytest.fixture
async def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AgentProcess]:
    """A real agent, listening."""
    # ipykernel looks at this, and forwards nothing of its descriptors where it is set.
    monkeypatch.delenv("PYTEST_CURRENT_TEST", raising=False)
    for language in LANGUAGES:
        directory = tmp_path / "jupyter" / "kernels" / language.name
        directory.mkdir(parents=True)
        spec = {
            "argv": language.argv,
            "display_name": language.name,
            "language": language.language,
        }
        (directory / "kernel.json").write_text(json.dumps(spec))
    process = AgentProcess(tmp_path / "data", env={"JUPYTER_PATH": str(tmp_path / "jupyter")})
    try:
        await process.start()
        yield process
    finally:
        await process.clean_up()


def require(language: Language) -> None:
    """Skip the test, or fail it, if a kernel is not installed."""
    there = {"python": has_python_kernels, "r": has_irkernel, None: lambda: True}
    if there[language.source]():
        return
    problem = f"{language.name} is not installed; 'make setup' says how it is"
    if os.environ.get("CI"):
        pytest.fail(problem)
    pytest.skip(problem)
