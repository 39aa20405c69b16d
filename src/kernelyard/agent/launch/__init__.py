"""Starting kernels and finding them again: one path, whatever a kernel is and whoever starts it."""
