"""Kernel images: what kernels are started from."""
