"""Images: what kernels can be started from."""

from __future__ import annotations

from kernelyard.client._async.http import AsyncHttp
from kernelyard.client.decoding import decode, encode, segment
from kernelyard.client.image_types import Image, ImageList, Resolution
from kernelyard.client.notebook_question import Notebook, question_of


class AsyncImages:
    """All images, as ``yard.images``. Changes are for administrators."""

    def __init__(self, http: AsyncHttp) -> None:
        self._http = http

    async def list(self, *, refresh: bool = False) -> ImageList:
        """Return all images; with ``refresh`` the server looks again what is installed.

        ::

            for image in await yard.images.list():
                print(image.name, image.problem or "ready")
        """
        params = (("refresh", "true"),) if refresh else ()
        return decode(await self._http.get("/v1/images", params), ImageList)

    async def get(self, name: str) -> Image:
        """Return one image."""
        return decode(await self._http.get(_path(name)), Image)

    async def resolve(
        self,
        notebook: Notebook,
        *,
        path: str | None = None,
        image: str | None = None,
        default: str | None = None,
        remember: bool = False,
        forget: bool = False,
    ) -> Resolution:
        """Return which image is to run a notebook, and why.

        ::

            chosen = await yard.images.resolve("report.ipynb")
            kernel = await yard.kernels.create(chosen.image, path="report.ipynb")

        ``notebook`` is a file, a notebook as nbformat has it, or the metadata of one. In this order:
        ``image``; what was chosen for this path before with ``remember``; ``default``, which for a
        file is looked up in ``.kernelyard.toml`` beside it or above; the kernel that the notebook
        names; its language and version; the only image that is ready. ``forget`` drops what was
        chosen before. Raises ConflictError, code ``no_image_fits``, which lists what there is.
        """
        question = question_of(
            notebook, path=path, image=image, default=default, remember=remember, forget=forget
        )
        return decode(await self._http.post("/v1/resolve", encode(question)), Resolution)

    async def register(self, name: str, source: str, *, display_name: str | None = None) -> Image:
        """Give the image ``source`` a further name.

        ::

            await yard.images.register("my-python:3", "python3")
        """
        order = {"name": name, "from": source}
        if display_name is not None:
            order["display_name"] = display_name
        return decode(await self._http.post("/v1/images", encode(order)), Image)

    async def update(
        self, name: str, *, disabled: bool | None = None, display_name: str | None = None
    ) -> Image:
        """Change what is given: a disabled image starts no new kernels."""
        changes = {"disabled": disabled, "display_name": display_name}
        said = {key: value for key, value in changes.items() if value is not None}
        return decode(await self._http.patch(_path(name), encode(said)), Image)

    async def delete(self, name: str) -> None:
        """Take a registered name away; what it stands for stays."""
        await self._http.delete(_path(name))

    async def resource(self, name: str, file: str) -> bytes:
        """Return one of its files, such as ``logo-64x64.png``."""
        return await self._http.get(f"{_path(name)}/resources/{segment(file)}")


def _path(name: str) -> str:
    return f"/v1/images/{segment(name)}"
