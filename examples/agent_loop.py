"""A loop as programs that write code have it: run a step, read the result, decide on the next.

Variables live on between steps. An exception is an answer, not an accident: the loop reads it and
tries something else. A step that takes too long is interrupted, and the kernel stays usable.
"""

import asyncio

from kernelyard import AsyncClient, AsyncKernel, TaskResult, WaitTimeoutError

PATIENCE = 5.0


async def step(kernel: AsyncKernel, code: str) -> TaskResult:
    """Run one step, but not longer than our patience."""
    task = await kernel.submit(code)
    try:
        return await task.wait(timeout=PATIENCE)
    except WaitTimeoutError:
        await task.cancel()
        return await task.wait()


async def main() -> None:
    async with AsyncClient() as yard, await yard.kernels.create(image="python3") as kernel:
        proposals = [
            "import statistics; data = [3, 1, 4, 1, 5, 9, 2, 6]",
            "statistics.mean(dat)",  # a slip
            "statistics.mean(data)",
            "while True: pass",  # never ends
            "sorted(data)[len(data) // 2]",
        ]
        for code in proposals:
            result = await step(kernel, code)
            answer = result.error or result.text or "done"
            print(f"{result.state:9}  {code:52}  {answer}")


asyncio.run(main())
