"""A kernel provisioner for Jupyter applications: their kernels start in a yard.

Registered as ``kernelyard-provisioner``. It is loaded by JupyterLab, nbconvert, papermill and their
like, in their processes, and stands on the client alone.
"""
