"""The spawner: a small process that starts kernels, owns them, and keeps how they ended."""
