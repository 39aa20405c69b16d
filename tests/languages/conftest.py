"""An agent that knows the kernels of all languages; a language that is not installed is skipped.

`make setup` installs them. Where CI is set, a kernel that is missing is a failure.
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.languages.languages import FORKED_IPYKERNEL, LANGUAGES, Language
from tests.support.agent_process import AgentProcess
from tests.support.zygotes import all_are_forked, zygote_of
from tools.kernels_for_tests import has_irkernel, has_python_kernels


@pytest.fixture(params=[*LANGUAGES, FORKED_IPYKERNEL], ids=lambda language: language.title)
def language(request: pytest.FixtureRequest) -> Language:
    """Each language in turn."""
    found: Language = request.param
    require(found)
    return found


@pytest.fixture
async def agent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> AsyncIterator[AgentProcess]:
    """A real agent, listening; it forks every kernel of a test that is about forked ones."""
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
    forks = any(one.forked for one in _languages_of(request))
    process = AgentProcess(
        tmp_path / "data", env={"JUPYTER_PATH": str(tmp_path / "jupyter")}, zygotes=int(forks)
    )
    try:
        await process.start()
        if forks:
            await zygote_of(process, "python3")
        yield process
        assert not forks or all_are_forked(process)
    finally:
        await process.clean_up()


def _languages_of(request: pytest.FixtureRequest) -> list[Language]:
    params = request.node.callspec.params if hasattr(request.node, "callspec") else {}
    return [one for one in params.values() if isinstance(one, Language)]


def require(language: Language) -> None:
    """Skip the test, or fail it, if a kernel is not installed."""
    there = {"python": has_python_kernels, "r": has_irkernel, None: lambda: True}
    if there[language.source]():
        return
    problem = f"{language.name} is not installed; 'make setup' says how it is"
    if os.environ.get("CI"):
        pytest.fail(problem)
    pytest.skip(problem)
