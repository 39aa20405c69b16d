"""Which environment variables only a fresh interpreter, or the import of a module, takes up.

A kernel that is forked finds the interpreter started and modules imported. What they read then cannot be
changed for one kernel: such variables are part of a zygote's key, and it is started with them. All others
are read when they are needed, from the environment that the forked kernel has put in place by then.

One that looks like a secret is never among them, whatever it begins with: it would lie in the memory of
kernels that were not given it. A library that reads other variables when it is imported, and is
preloaded, has those of the agent and of the image; a template that needs it otherwise says ``start =
"exec"``.

Zygotes load this file by its path, to look once more whether a kernel is for them: their interpreter may be
old, and nothing of ours is imported here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

NAMES = frozenset(
    {
        # Programs and libraries are looked for in these while modules are imported.
        "PATH",
        "HOME",
        "VIRTUAL_ENV",
        "CONDA_PREFIX",
        "CONDA_DEFAULT_ENV",
        # Python and C libraries keep what they have made of these: directory, language, time zone.
        "TMPDIR",
        "TEMP",
        "TMP",
        "LANG",
        "LANGUAGE",
        "LOCPATH",
        "TZ",
        "TZDIR",
        # Read when a program is loaded, or a library set up.
        "GLIBC_TUNABLES",
        "OPENSSL_CONF",
        "OPENSSL_MODULES",
        "COVERAGE_PROCESS_START",
        "COVERAGE_PROCESS_CONFIG",
        "SETUPTOOLS_USE_DISTUTILS",
        "QT_API",
        # Where settings of IPython, Jupyter and other libraries are, which are read before the fork.
        "JUPYTER_CONFIG_DIR",
        "JUPYTER_CONFIG_PATH",
        "JUPYTER_DATA_DIR",
        "JUPYTER_NO_CONFIG",
        "JUPYTER_PATH",
        "JUPYTER_PLATFORM_DIRS",
        "JUPYTER_PREFER_ENV_PATH",
        "JUPYTER_RUNTIME_DIR",
        "JUPYTER_ALLOW_INSECURE_WRITES",
        "XDG_CACHE_HOME",
        "XDG_CONFIG_DIRS",
        "XDG_CONFIG_HOME",
        "XDG_DATA_DIRS",
        "XDG_DATA_HOME",
        "XDG_STATE_HOME",
        # Ours: whether IPython keeps a history.
        "KERNELYARD_IPYTHON_HISTORY",
    }
)
PREFIXES = (
    # The interpreter, the loader and the allocator.
    "PYTHON",
    "LD_",
    "MALLOC_",
    "LC_",
    # IPython and its debugger.
    "IPYTHON",
    "PYDEVD_",
    "DEBUGPY_",
    # How many threads libraries of numbers start, and on which processors.
    "OMP_",
    "GOMP_",
    "KMP_",
    "MKL_",
    "OPENBLAS_",
    "GOTO_",
    "BLIS_",
    "VECLIB_",
    "NUMEXPR_",
    "NUMBA_",
    "TBB_",
    "RAYON_",
    "POLARS_",
    "ARROW_",
    # Which graphics processors there are, and what libraries do with them.
    "CUDA_",
    "NVIDIA_",
    "NCCL_",
    "HIP_",
    "ROCR_",
    "ROCM_",
    "XLA_",
    "JAX_",
    "TF_",
    "TORCH_",
    "PYTORCH_",
    # What else libraries of numbers and tables read when they are imported.
    "NPY_",
    "NUMPY_",
    "SCIPY_",
    "PANDAS_",
    "SKLEARN_",
    "JOBLIB_",
    "LOKY_",
    # Measures of coverage, which begin with the interpreter.
    "COV_CORE_",
    # matplotlib.
    "MPL",
    "MATPLOTLIB",
)
_SECRET = re.compile(r"TOKEN|SECRET|PASSW|CREDENTIAL|API_?KEY|PRIVATE|AUTH")


def is_taken_up(name: str) -> bool:
    """Whether a variable is taken up at the start of an interpreter or at an import."""
    return name in NAMES or (name.startswith(PREFIXES) and _SECRET.search(name) is None)


def taken_up(environment: Mapping[str, str]) -> dict[str, str]:
    """Those of the variables, in the order of their names."""
    return {name: environment[name] for name in sorted(environment) if is_taken_up(name)}
