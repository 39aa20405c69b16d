"""Debugger, comms, prompts and subshells are the same, however a kernel was started."""

from __future__ import annotations

from typing import Any

from tests.support.forked_kernels import ForkedKernel

BUGGY = """def double(number):
    twice = number * 2
    return twice
print(double(21))"""
TARGET = """
def opened(comm, message):
    comm.send({"seen": message["content"]["data"]}, buffers=[bytes(message["buffers"][0])[::-1]])
    @comm.on_msg
    def _(message):
        comm.send({"sizes": [len(one) for one in message["buffers"]]})
    @comm.on_close
    def _(message):
        globals()["closed"] = message["content"]["data"]
get_ipython().kernel.comm_manager.register_target("mirror", opened)
"""
OPEN = """
import comm
widget = comm.create_comm(target_name="jupyter.widget", data={"state": {}}, metadata={"version": "2.1.0"},
                          buffers=[b"abc"])
heard = []
widget.on_msg(lambda message: heard.append([message["content"]["data"], bytes(message["buffers"][0]).hex()]))
"""


class DebugSession:
    """One debugger that speaks to a kernel as JupyterLab's does."""

    def __init__(self, kernel: ForkedKernel) -> None:
        self.kernel = kernel
        self._seq = 0

    async def ask(self, command: str, **arguments: object) -> dict[str, Any]:
        """The body of a response that says that it went well."""
        self._seq += 1
        request = {"type": "request", "seq": self._seq, "command": command, "arguments": arguments}
        reply = (await self.kernel.control("debug_request", request)).content
        assert reply["success"], reply
        body: dict[str, Any] = reply.get("body") or {}
        return body

    async def attach(self) -> None:
        await self.ask("initialize", clientID="tests", adapterID="", pathFormat="path")
        await self.ask("attach")


async def test_a_debugger_stops_shows_and_goes_on(any_kernel: ForkedKernel) -> None:
    await any_kernel.run("1")
    debugger = DebugSession(any_kernel)
    assert (await debugger.ask("debugInfo"))["isStarted"] is False
    await debugger.attach()
    cell = (await debugger.ask("dumpCell", code=BUGGY))["sourcePath"]
    told = await debugger.ask("setBreakpoints", source={"path": cell}, breakpoints=[{"line": 3}])
    assert [one["verified"] for one in told["breakpoints"]] == [True]
    await debugger.ask("configurationDone")

    any_kernel.send("execute_request", {"code": BUGGY, "silent": False})
    stopped = await any_kernel.published("debug_event", event="stopped")
    thread = stopped["content"]["body"]["threadId"]
    frames = (await debugger.ask("stackTrace", threadId=thread))["stackFrames"]
    assert (frames[0]["name"], frames[0]["line"]) == ("double", 3)
    scopes = (await debugger.ask("scopes", frameId=frames[0]["id"]))["scopes"]
    reference = scopes[0]["variablesReference"]
    seen = (await debugger.ask("variables", variablesReference=reference))["variables"]
    assert {one["name"]: one["value"] for one in seen} == {"number": "21", "twice": "42"}

    await debugger.ask("continue", threadId=thread)
    assert (await any_kernel.published("stream"))["content"]["text"].startswith("42")
    assert (await any_kernel.replied())["content"]["status"] == "ok"
    await debugger.ask("disconnect", restart=False, terminateDebuggee=False)
    assert (await any_kernel.run("print(double(1))")).text == "2\n"
    await debugger.attach()
    assert (await debugger.ask("debugInfo"))["isStarted"] is True


async def test_a_client_opens_a_comm_and_buffers_go_both_ways(any_kernel: ForkedKernel) -> None:
    await any_kernel.run(TARGET)
    opened = {"comm_id": "mine", "target_name": "mirror", "data": {"some": "thing"}}
    any_kernel.send("comm_open", opened, b"\0\1\2")
    message = await any_kernel.published("comm_msg", comm_id="mine")
    assert message["content"]["data"] == {"seen": {"some": "thing"}}
    assert bytes(message["buffers"][0]) == b"\2\1\0"
    any_kernel.send("comm_msg", {"comm_id": "mine", "data": {}}, b"", bytes(1_000_000))
    message = await any_kernel.published("comm_msg", comm_id="mine")
    assert message["content"]["data"] == {"sizes": [0, 1_000_000]}
    any_kernel.send("comm_info_request", {"target_name": "mirror"})
    assert list((await any_kernel.replied())["content"]["comms"]) == ["mine"]
    any_kernel.send("comm_close", {"comm_id": "mine", "data": {"why": "done"}})
    assert await any_kernel.value("closed") == {"why": "done"}


async def test_a_kernel_opens_a_comm_and_hears_what_is_sent_there(any_kernel: ForkedKernel) -> None:
    await any_kernel.run("1")
    any_kernel.send("execute_request", {"code": OPEN, "silent": False})
    opened = await any_kernel.published("comm_open", target_name="jupyter.widget")
    assert [bytes(one) for one in opened["buffers"]] == [b"abc"]
    assert opened["metadata"]["version"] == "2.1.0"
    assert (await any_kernel.replied())["content"]["status"] == "ok"
    sent = {"comm_id": opened["content"]["comm_id"], "data": {"method": "update"}}
    any_kernel.send("comm_msg", sent, b"\xff")
    assert await any_kernel.value("heard") == [[{"method": "update"}, "ff"]]


async def test_a_prompt_is_answered(any_kernel: ForkedKernel) -> None:
    await any_kernel.run("1")
    asking = {"code": "print(input('name? ') * 2)", "silent": False, "allow_stdin": True}
    any_kernel.send("execute_request", asking)
    assert await any_kernel.answers("ab") == "name? "
    assert (await any_kernel.published("stream"))["content"]["text"].startswith("abab")
    assert (await any_kernel.replied())["content"]["status"] == "ok"


async def test_the_first_message_of_all_may_ask_for_a_subshell(any_kernel: ForkedKernel) -> None:
    made = await any_kernel.control("create_subshell_request", {})
    assert made.content["status"] == "ok", made
    listed = await any_kernel.control("list_subshell_request", {})
    assert listed.content["subshell_id"] == [made.content["subshell_id"]]
    gone = await any_kernel.control(
        "delete_subshell_request", {"subshell_id": made.content["subshell_id"]}
    )
    assert gone.content["status"] == "ok"
