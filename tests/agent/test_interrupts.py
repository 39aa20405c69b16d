"""An interrupt reaches everything that the code has started in its process group."""

from __future__ import annotations

from kernelyard.agent.belongings import ProcessTable
from kernelyard.wire import link

from tests.support.agent_process import AgentProcess, end_of, ended, says, stdout_of, wait_until


async def test_child_processes_of_the_code_are_interrupted_with_it(agent: AgentProcess) -> None:
    kernel = await agent.launch()
    code = """
import subprocess, sys
child = subprocess.Popen(
    [sys.executable, '-c', 'import time; print("child", flush=True); time.sleep(600)'],
    stdout=subprocess.PIPE,
)
print(child.stdout.readline().decode(), flush=True)
child.wait()
"""
    await agent.submit(kernel, code, "print(child.wait(20) is not None)")
    await agent.records(kernel, until=says("child"))
    await agent.done(link.Interrupt(kernel))
    records = await agent.records(kernel, until=ended(2))
    assert end_of(records, 1)["error"]["name"] == "KeyboardInterrupt"
    assert stdout_of(records, 2) == "True\n"
    table = ProcessTable()
    await wait_until(lambda: len(table.processes_of(kernel, fresh=True)) == 1)
