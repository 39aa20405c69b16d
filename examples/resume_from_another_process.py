"""Come back to tasks that another process queued: everything they said, from the first line.

Usage: python resume_from_another_process.py TASK_ID...
"""

import sys

from kernelyard import Client

if len(sys.argv) < 2:
    sys.exit(__doc__)

with Client() as yard:
    for task_id in sys.argv[1:]:
        task = yard.tasks.get(task_id)
        for output in task.follow():  # from the beginning, and live if it still runs
            if output.kind == "stream":
                print(output.text, end="", flush=True)
        print(f"-- {task.id} {task.state}")
    # Outputs stay readable after this; only the process and its memory go.
    yard.kernels.get(task.kernel_id).terminate()
