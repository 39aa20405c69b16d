"""Kernelyard: queue code on headless kernels, walk away, read every output later."""
