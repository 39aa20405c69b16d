"""Kernel templates: what kernels may use."""
