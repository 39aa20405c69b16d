"""Kernels that somebody else has started: met where they listen, watched, and never ended by us."""
