"""A debugger works through a kernel's WebSocket, whether the kernel was forked or run."""

from __future__ import annotations

from typing import Any

import pytest

from kernelyard import Client

from tests.support.channel_client import ChannelClient
from tests.support.kernel_messages import Said
from tests.support.live_server import LiveServer, wait_until

BUGGY = """def double(number):
    twice = number * 2
    return twice
print(double(21))"""


class Debugger:
    """One that speaks as JupyterLab's does."""

    def __init__(self, client: ChannelClient) -> None:
        self._client = client
        self._seq = 0

    def ask(self, command: str, **arguments: object) -> dict[str, Any]:
        """The body of a response that says that it went well."""
        self._seq += 1
        request = {"type": "request", "seq": self._seq, "command": command, "arguments": arguments}
        msg_id = self._client.ask("debug_request", request, channel="control")
        reply = heard(self._client, msg_id, "debug_reply").content
        assert reply["success"], reply
        body: dict[str, Any] = reply.get("body") or {}
        return body


def heard(client: ChannelClient, msg_id: str, kind: str) -> Said:
    """A message of a kind that belongs to a request; it may have come while something else was waited for."""
    fits = lambda said: said.type == kind and said.parent == msg_id  # noqa: E731
    return next(filter(fits, client.heard), None) or client.until(fits)


@pytest.mark.parametrize("start", ["fork", "exec"])
def test_it_stops_shows_and_goes_on(live: LiveServer, yard: Client, start: str) -> None:
    yard.templates.create(f"debugged-{start}", start="auto" if start == "fork" else "exec")
    wait_until(lambda: any(one.state == "ready" for one in yard.zygotes()), 40)
    kernel = yard.kernels.create(image="python3", template=f"debugged-{start}")
    kernel.run("1", timeout=40).raise_for_error()
    assert kernel.refresh().info.started == start
    with ChannelClient(live, kernel.id) as client:
        debugger = Debugger(client)
        debugger.ask("initialize", clientID="tests", adapterID="", pathFormat="path")
        debugger.ask("attach")
        cell = debugger.ask("dumpCell", code=BUGGY)["sourcePath"]
        debugger.ask("setBreakpoints", source={"path": cell}, breakpoints=[{"line": 3}])
        debugger.ask("configurationDone")
        msg_id = client.execute(BUGGY)
        stopped = client.until(
            lambda said: said.type == "debug_event" and said.content["event"] == "stopped"
        )
        thread = stopped.content["body"]["threadId"]
        frame = debugger.ask("stackTrace", threadId=thread)["stackFrames"][0]
        assert (frame["name"], frame["line"]) == ("double", 3)
        scope = debugger.ask("scopes", frameId=frame["id"])["scopes"][0]
        seen = debugger.ask("variables", variablesReference=scope["variablesReference"])
        assert {one["name"]: one["value"] for one in seen["variables"]}["twice"] == "42"
        debugger.ask("continue", threadId=thread)
        assert heard(client, msg_id, "execute_reply").content["status"] == "ok"
        assert heard(client, msg_id, "stream").content["text"].startswith("42")
        debugger.ask("disconnect", restart=False, terminateDebuggee=False)
    assert kernel.run("print(double(1))", timeout=40).stdout == "2\n"
