"""WebSockets of kernels on a real server: both framings, who may come in, and how they end."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from kernelyard import Client, Kernel

from tests.support.channel_client import ChannelClient
from tests.support.live_server import LiveServer

UNKNOWN = "00000000-0000-4000-8000-000000000000"
TARGET = """
from comm import get_comm_manager
def opened(comm, message):
    @comm.on_msg
    def came(message):
        comm.send({"got": len(message["buffers"])}, buffers=[bytes(b) for b in message["buffers"]])
get_comm_manager().register_target("mirror", opened)
"""


@pytest.fixture
def kernel(yard: Client) -> Iterator[Kernel]:
    with yard.kernels.create() as made:
        yield made


def test_two_sockets_hear_everything_and_only_the_asker_is_answered(
    live: LiveServer, kernel: Kernel
) -> None:
    with (
        ChannelClient(live, kernel.id, "one") as one,
        ChannelClient(live, kernel.id, "two", as_json=True) as two,
    ):
        assert (one.socket.subprotocol, two.socket.subprotocol) == (
            "v1.kernel.websocket.jupyter.org",
            None,
        )
        msg_id = one.execute("print('ü'); input_ = 6 * 7; input_")
        assert one.end(msg_id).content["status"] == "ok"
        two.until(lambda said: said.type == "execute_result" and said.parent == msg_id)
        assert two.texts(msg_id) == one.texts(msg_id) == "ü\n"
        assert two.run("input_").content["status"] == "ok"
        assert not [said for said in two.heard if said.parent == msg_id and said.channel == "shell"]


def test_a_prompt_is_answered_and_buffers_go_both_ways_in_both_framings(
    live: LiveServer, kernel: Kernel
) -> None:
    with (
        ChannelClient(live, kernel.id, "one") as one,
        ChannelClient(live, kernel.id, "two", as_json=True) as two,
    ):
        one.run(TARGET)
        msg_id = one.execute("print(input('? '))", allow_stdin=True)
        prompt = one.until(lambda said: said.type == "input_request")
        one.ask("input_reply", {"value": "yes"}, channel="stdin", parent=prompt.header)
        one.end(msg_id)
        assert one.texts(msg_id) == "yes\n"
        one.ask("comm_open", {"comm_id": "c", "target_name": "mirror", "data": {}})
        buffers = [b"\xff\x00", b"", b"three"]
        one.ask("comm_msg", {"comm_id": "c", "data": {}}, buffers=buffers)
        for client in (one, two):
            answer = client.until(lambda said: said.type == "comm_msg")
            assert list(answer.buffers) == buffers


def test_what_a_kernel_says_may_have_any_number_of_buffers(
    live: LiveServer, kernel: Kernel
) -> None:
    code = (
        "from comm import create_comm\n"
        "for count in (5000, 8821):\n"
        "    create_comm(target_name='t').send({}, buffers=[b''] * count)"
    )
    with (
        ChannelClient(live, kernel.id, "one") as one,
        ChannelClient(live, kernel.id, "two", as_json=True) as two,
    ):
        one.run(code)
        for client in (one, two):
            client.run("1")
            heard = [len(said.buffers) for said in client.heard if said.type == "comm_msg"]
            assert heard == [5000, 8821]


def test_a_token_that_is_removed_lets_nobody_ask_for_more(
    live: LiveServer, yard: Client, kernel: Kernel
) -> None:
    made = yard.tokens.create("ann", role="admin")
    with ChannelClient(live, kernel.id, token=made.token) as client:
        client.run("1")
        made_id = next(one.id for one in yard.tokens.list() if one.name == "ann")
        yard.tokens.delete(made_id)
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                client.run("1")
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4401


def test_a_malformed_frame_is_answered_and_ends_nothing(live: LiveServer, kernel: Kernel) -> None:
    with (
        ChannelClient(live, kernel.id, "one") as one,
        ChannelClient(live, kernel.id, "two", as_json=True) as two,
    ):
        one.socket.send(struct.pack("<4Q", 6, 1, 2**60, 3))
        one.socket.send("text where only bytes may be")
        two.socket.send('{"header": {"msg_id": "1", "msg_type": "x"}, "channel": "hb"}')
        two.socket.send("{")
        two.socket.send(b"\0\0\0\2")
        for client, count in ((one, 2), (two, 3)):
            for _ in range(count):
                told = client.until(lambda said: said.type == "stream")
                assert "not understood" in told.content["text"]
            assert client.run("1").content["status"] == "ok"


def test_who_has_no_good_token_is_refused_in_the_handshake(
    live: LiveServer, kernel: Kernel
) -> None:
    for options in (
        {"token": "wrong"},
        {"additional_headers": {}},
        {"additional_headers": {}, "subprotocols": ["bearer.wrong"]},
    ):
        with (
            pytest.raises(InvalidStatus) as refused,
            ChannelClient(live, kernel.id, **options),  # type: ignore[arg-type]
        ):
            pass
        assert refused.value.response.status_code == 401
        assert b"unauthenticated" in (refused.value.response.body or b"")
    query = {"additional_headers": {}, "session": f"s&token={live.token}"}
    with ChannelClient(live, kernel.id, **query) as client:
        assert client.run("1").content["status"] == "ok"
    offered = [f"bearer.{live.token}", "v1.kernel.websocket.jupyter.org"]
    with ChannelClient(live, kernel.id, additional_headers={}, subprotocols=offered) as client:
        assert client.socket.subprotocol == "v1.kernel.websocket.jupyter.org"
        assert client.run("1").content["status"] == "ok"
    assert live.token not in live.log.partition("API pages")[2]


def test_pages_of_strangers_may_not_open_sockets(live: LiveServer, kernel: Kernel) -> None:
    elsewhere = "https://elsewhere.example"
    with (
        pytest.raises(InvalidStatus) as refused,
        ChannelClient(live, kernel.id, origin=elsewhere),
    ):
        pass
    assert refused.value.response.status_code == 403
    own = live.url.rstrip("/")
    with ChannelClient(live, kernel.id, origin=own) as client:
        assert client.run("1").content["status"] == "ok"


def test_kernels_that_are_not_there_close_with_a_code_and_a_reason(
    live: LiveServer, yard: Client, kernel: Kernel
) -> None:
    other = yard.tokens.create("bob")
    for kernel_id, token in ((UNKNOWN, None), ("nonsense", None), (kernel.id, other.token)):
        with (
            ChannelClient(live, kernel_id, token=token) as client,
            pytest.raises(ConnectionClosed) as closed,
        ):
            client.socket.recv(20)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4404
        assert closed.value.rcvd.reason


def test_a_kernel_that_is_killed_or_deleted_closes_its_sockets_with_a_reason(
    live: LiveServer, yard: Client, kernel: Kernel
) -> None:
    deleted = yard.kernels.create()
    with ChannelClient(live, kernel.id) as one, ChannelClient(live, deleted.id) as two:
        msg_id = one.execute("import os; os.kill(os.getpid(), 9)")
        assert one.end(msg_id).content["ename"] == "KernelDied"
        deleted.delete()
        for client, word in ((one, "SIGKILL"), (two, "deleted")):
            with pytest.raises(ConnectionClosed) as closed:
                client.until(lambda _: False)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 4410
            assert word in closed.value.rcvd.reason
            dead = [said for said in client.heard if said.content.get("execution_state") == "dead"]
            assert len(dead) == 1


def test_a_server_that_goes_for_a_while_says_so_and_its_kernels_go_on(own: LiveServer) -> None:
    with own.client() as yard:
        kernel_id = yard.kernels.create().id
        with ChannelClient(own, kernel_id) as client:
            client.run("x = 41")
            own.stop()
            with pytest.raises(ConnectionClosed) as closed:
                client.until(lambda _: False)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1012
        own.start()
        with ChannelClient(own, kernel_id) as client:
            msg_id = client.execute("x + 1")
            client.end(msg_id)
            (result,) = (said for said in client.heard if said.type == "execute_result")
            assert result.content["data"] == {"text/plain": "42"}


def test_a_message_over_the_limit_closes_with_the_code_for_it(own_limited: LiveServer) -> None:
    with (
        own_limited.client() as yard,
        ChannelClient(own_limited, yard.kernels.create().id) as client,
    ):
        client.execute("x" * 20_000)
        with pytest.raises(ConnectionClosed) as closed:
            client.until(lambda _: False)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009


@pytest.fixture
def own_limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    data_dir = tmp_path_factory.mktemp("limited") / "data"
    with LiveServer(data_dir, "--websocket-message-limit", "10KiB") as server:
        yield server


def test_what_is_run_through_a_socket_is_a_task_like_any_other(
    live: LiveServer, yard: Client, kernel: Kernel
) -> None:
    first = kernel.submit("print('first')")
    with ChannelClient(live, kernel.id) as client:
        client.run("print('through the socket'); 1 / 0")
    last = kernel.submit("print('last')")
    last.wait(30)
    (run,) = (task for task in kernel.tasks() if task.id not in (first.id, last.id))
    assert run.info.labels == {"author": "admin", "origin": "websocket"}
    assert run.info.code == "print('through the socket'); 1 / 0"
    result = yard.tasks.get(run.id).wait(30)
    assert (result.state, result.stdout) == ("failed", "through the socket\n")
    assert result.error is not None
    assert result.error.name == "ZeroDivisionError"
