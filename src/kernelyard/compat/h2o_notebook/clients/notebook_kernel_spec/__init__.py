"""Notebook kernel specs: a yard has none."""
