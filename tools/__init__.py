"""Programs for those who work on kernelyard."""
