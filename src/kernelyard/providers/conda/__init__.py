"""Conda environments: conda, mamba, micromamba and pixi."""
