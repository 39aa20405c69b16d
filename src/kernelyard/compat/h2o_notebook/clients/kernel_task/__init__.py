"""Kernel tasks: code queued on a kernel."""
