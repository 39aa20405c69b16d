"""From a recipe to the zygote that it leads to, without a kernel that waits for it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from kernelyard.agent.launch.environment import kernel_environment
from kernelyard.agent.zygote.keys import Recipe, Unfit, Wanted, wanted_for
from kernelyard.model.images import DEFAULT_PROVIDER, FoundImage
from kernelyard.model.kernels import LaunchOrder
from kernelyard.providers.argv import fill
from kernelyard.providers.catalogue import Catalogue
from kernelyard.providers.launcher import LaunchRequest

_NOBODY = "00000000-0000-0000-0000-000000000000"
_NO_FILE = Path("/nonexistent/connection.json")


@dataclass(frozen=True, slots=True)
class Preparing:
    """Asks the providers as for a launch."""

    catalogue: Catalogue

    async def wanted(self, recipe: Recipe) -> Wanted:
        """What kernels of a recipe are forked from. Raises Unfit, and the catalogue's errors."""
        order = LaunchOrder(
            kernel_id=_NOBODY,
            attempt=1,
            provider=recipe.provider,
            image=recipe.image,
            preload=recipe.preload,
            trust=recipe.trust,
        )
        request = LaunchRequest(kernel_id=_NOBODY, connection_file=_NO_FILE)
        plan = await self.catalogue.prepare(recipe.provider, recipe.image, request)
        if plan.launcher is not None:
            raise Unfit("its provider starts it")
        argv = fill(
            plan.argv,
            connection_file=_NO_FILE,
            resource_dir=plan.resource_dir,
            blanks=plan.blanks,
        )
        env = kernel_environment(os.environ, plan.env, {}, plan.unset)
        return wanted_for(order, argv, _NO_FILE, env, env)

    async def own(self) -> Recipe | None:
        """What kernels of the agent's own environment are started from; a kernelspec, if there is one."""
        found = await self.catalogue.images()
        usable = [one for one in found.images if one.own and one.problem is None]
        return min(map(_recipe, usable), key=_rank, default=None)


def _recipe(image: FoundImage) -> Recipe:
    return Recipe(image.provider, image.name)


def _rank(recipe: Recipe) -> tuple[bool, bool, str]:
    return recipe.provider != DEFAULT_PROVIDER, recipe.image != "python3", recipe.reference
