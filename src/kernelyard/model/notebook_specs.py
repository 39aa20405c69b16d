"""Notebook specs: which image and which template belong together, for whoever opens a notebook."""

from __future__ import annotations

from dataclasses import dataclass

from kernelyard.model.quantities import Micros


@dataclass(frozen=True, slots=True, kw_only=True)
class NotebookSpec:
    """A named pair."""

    name: str
    display_name: str = ""
    image: str
    """As the door that made it names the image."""
    template: str
    """As the door that made it names the template."""
    disabled: bool = False
    created_at: Micros = 0
    updated_at: Micros | None = None
