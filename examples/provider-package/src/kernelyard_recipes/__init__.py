"""Kernels from recipes: an example of a provider in a package of its own."""
