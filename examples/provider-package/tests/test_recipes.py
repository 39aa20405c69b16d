"""The provider does what every provider must do, and what its readme says."""

from __future__ import annotations

from pathlib import Path

import pytest
from kernelyard_recipes.launcher import NiceLauncher
from kernelyard_recipes.provider import ARGV, RecipesProvider, RecipesSettings

from kernelyard.model.errors import ImageNotReady
from kernelyard.providers.blocking import InThreads
from kernelyard.providers.launcher import Launcher, LaunchRequest
from kernelyard.providers.provider import Provider
from kernelyard.testing import LauncherConformance, ProviderConformance

REPORT = """
display_name = "Reports"
[env]
REPORT_YEAR = "{year}"
[parameters.properties.year]
type = "integer"
minimum = 2000
default = 2026
"""


class TestRecipes(ProviderConformance):
    """The suite, with two good recipes and a torn one."""

    @pytest.fixture(autouse=True)
    def recipes(self, tmp_path: Path) -> None:
        self.folder = tmp_path
        (tmp_path / "plain.toml").touch()
        (tmp_path / "report.toml").write_text(REPORT)
        (tmp_path / "torn.toml").write_text("display_name =")

    def make_provider(self) -> Provider:
        return RecipesProvider(RecipesSettings(folder=self.folder))

    def test_parameters_go_into_the_environment(self, provider: Provider) -> None:
        request = LaunchRequest(kernel_id="x", parameters={"year": 2025})
        assert provider.prepare("report", request).env == {"REPORT_YEAR": "2025"}

    def test_a_torn_recipe_says_which_and_what_to_do(self, provider: Provider) -> None:
        with pytest.raises(ImageNotReady, match=r"torn.toml cannot be read.*Correct or remove it"):
            provider.prepare("torn", LaunchRequest(kernel_id="x"))


class TestNiceLauncher(LauncherConformance):
    """The suite for launchers, with a real kernel."""

    def make_launcher(self, request: LaunchRequest) -> Launcher:
        return InThreads(NiceLauncher(ARGV, {}, 5, request))


def test_a_niceness_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match="niceness"):
        RecipesSettings(niceness=40)
