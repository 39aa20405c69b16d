"""Kernelspec managers of other packages, wrapped as one provider."""
