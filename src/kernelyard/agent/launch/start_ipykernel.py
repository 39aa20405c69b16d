"""Run by a kernel's own interpreter in place of ``-m ipykernel_launcher``; see ``lossless``.

It may be an old interpreter without kernelyard: nothing of ours is imported, and nothing new is used.
"""

if __name__ == "__main__":
    import faulthandler
    import os
    import sys
    from importlib.util import find_spec
    from pathlib import Path
    from typing import Any

    # As with '-m', the directory of this file is not to be on the path.
    if os.path.realpath(sys.path[0]) == str(Path(__file__).resolve().parent):
        del sys.path[0]
    spec = find_spec("ipykernel_launcher")
    if spec is not None and spec.origin:
        # Some libraries look at this to find out that they are in a kernel.
        sys.argv[0] = spec.origin
    if not os.environ.get("KERNELYARD_IPYTHON_HISTORY"):
        # The file is shared by all kernels of a user; a damaged one would keep each from starting.
        sys.argv.append("--HistoryManager.hist_file=:memory:")

    from ipykernel import kernelapp

    name = "_bind_socket"
    bind: Any = getattr(kernelapp.IPKernelApp, name, None)

    def bind_without_limit(self: Any, socket: Any, port: int) -> Any:
        """Bind a socket that waits for its readers instead of dropping what is over a thousand."""
        socket.sndhwm = 0
        return bind(self, socket, port)

    def begin_to_speak(self: Any) -> None:
        """Let traces of crashes go where the process itself prints, and not into its own pipe."""
        speak(self)
        copy = getattr(sys.stderr, "_original_stdstream_copy", None)
        faulthandler.enable(2 if copy is None else copy, all_threads=False)

    speak: Any = getattr(kernelapp.IPKernelApp, "init_io", None)
    if speak is not None:
        setattr(kernelapp.IPKernelApp, "init_io", begin_to_speak)  # noqa: B010 - no type has it
    if bind is not None:
        setattr(kernelapp.IPKernelApp, name, bind_without_limit)
    kernelapp.launch_new_instance()
