"""Queue three steps, print their ids and leave; the steps run on without us.

Read them later with resume_from_another_process.py, or with 'kernelyard tail -f ID'.
"""

from kernelyard import Client

STEPS = (
    "import time; numbers = list(range(5)); print('prepared', len(numbers), 'numbers')",
    "for number in numbers:\n    print('working on', number, flush=True)\n    time.sleep(0.3)",
    "print('the sum is', sum(numbers))",
)

with Client() as yard:
    kernel = yard.kernels.create(image="python3", display_name="walk away")
    # No need to wait until the kernel is up: tasks queue while it starts.
    tasks = [kernel.submit(step, labels={"job": "walk-away"}) for step in STEPS]

for task in tasks:
    print(task.id)
