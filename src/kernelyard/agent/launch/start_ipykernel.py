"""Run by a kernel's own interpreter in place of ``-m ipykernel_launcher``; see ``lossless``.

It may be an old interpreter without kernelyard: nothing of ours is imported, and nothing new is used.
"""

if __name__ == "__main__":
    import os
    import sys
    from importlib.util import module_from_spec, spec_from_file_location
    from pathlib import Path

    # As with '-m', the directory of this file is not to be on the path.
    if os.path.realpath(sys.path[0]) == str(Path(__file__).resolve().parent):
        del sys.path[0]
    place = Path(__file__).with_name("ipykernel_settings.py")
    spec = spec_from_file_location("ipykernel_settings", place)
    assert spec is not None and spec.loader is not None  # noqa: PT018, S101 - it is a file of ours
    settings = module_from_spec(spec)
    spec.loader.exec_module(settings)
    sys.argv[0] = settings.launcher() or sys.argv[0]

    from ipykernel.kernelapp import launch_new_instance

    settings.prepare()
    launch_new_instance(argv=[*sys.argv[1:], *settings.arguments()])
