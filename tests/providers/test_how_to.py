"""The example of the how-to page works as it stands there, and passes the suite it recommends."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from kernelyard.providers.provider import Provider
from kernelyard.providers.settings import make
from kernelyard.testing import ProviderConformance

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "write-a-provider.md"


def the_example() -> type[Provider]:
    """The class in the page's first block of Python."""
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    names: dict[str, type[Provider]] = {}
    exec(compile(blocks[0], str(PAGE), "exec", dont_inherit=True), names)  # noqa: S102 - it is our own page
    return names["VenvProvider"]


class TestTheExample(ProviderConformance):
    """With one environment that has ipykernel and one that has not."""

    @pytest.fixture(autouse=True)
    def environments(self, tmp_path: Path) -> None:
        self.folder = tmp_path
        packages = f"lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"
        for name in ("science/" + packages + "/ipykernel", "bare/" + packages):
            (tmp_path / name).mkdir(parents=True)
        for name in ("science", "bare"):
            (tmp_path / name / "pyvenv.cfg").touch()
            (tmp_path / name / "bin").mkdir()
            (tmp_path / name / "bin" / "python").symlink_to(sys.executable)

    def make_provider(self) -> Provider:
        return make(the_example(), "venv", {"folder": str(self.folder)})

    def test_the_bare_environment_says_what_to_do(self, provider: Provider) -> None:
        problems = {image.name: image.problem for image in provider.find()}
        assert problems["science"] is None
        assert "pip install ipykernel" in (problems["bare"] or "")
