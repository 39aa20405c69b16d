"""Kernels: what code runs on."""
