"""Zygotes: processes that have imported what a kernel needs, and from which kernels are forked."""
