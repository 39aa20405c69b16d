"""What kernelyard costs, measured beside the same kernels spoken to straight. ``make bench``."""
