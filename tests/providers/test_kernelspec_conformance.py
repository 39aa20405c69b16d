"""The kernelspec provider does what every provider must do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kernelyard.providers.kernelspec import KernelspecProvider
from kernelyard.testing.providers import ProviderConformance


class TestInstalledKernelspecs(ProviderConformance):
    """With the kernelspecs that this environment has."""

    def make_provider(self) -> KernelspecProvider:
        return KernelspecProvider()


class TestKernelspecsOfAllSorts(ProviderConformance):
    """With some that are broken, and one that is not ours."""

    @pytest.fixture(autouse=True)
    def kernels(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
        for name, content in {
            "good": json.dumps({"argv": ["sh", "{connection_file}"], "display_name": "Shell"}),
            "messages": json.dumps(
                {"argv": ["sh", "{connection_file}"], "interrupt_mode": "message"}
            ),
            "torn": '{"argv": [',
            "gone": json.dumps({"argv": ["/gone/python", "{connection_file}"]}),
        }.items():
            directory = tmp_path / "kernels" / name
            directory.mkdir(parents=True)
            (directory / "kernel.json").write_text(content)
        (tmp_path / "kernels" / "good" / "logo-svg.svg").write_text("<svg/>")

    def make_provider(self) -> KernelspecProvider:
        return KernelspecProvider()
