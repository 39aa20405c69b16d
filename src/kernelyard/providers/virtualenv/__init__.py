"""Virtual environments: venv, virtualenv, uv and what builds on them."""
