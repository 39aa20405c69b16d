# Generated from src/kernelyard/client/_async/__init__.py by tools/generate_sync.py: do not edit.
# ruff: noqa: RUF100, SIM117, UP028
"""The synchronous client, generated from the asynchronous one."""
