"""Kernelspecs that name one of Jupyter's kernel provisioners: any of them, unmodified."""
