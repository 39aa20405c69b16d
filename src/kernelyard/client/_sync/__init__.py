# Generated from src/kernelyard/client/_async/__init__.py by tools/generate_sync.py: do not edit.
# ruff: noqa: UP028, RUF100
"""The synchronous client, generated from the asynchronous one."""
