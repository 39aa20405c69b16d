"""The bridge of one kernel: where plain Jupyter clients on this machine join it."""
