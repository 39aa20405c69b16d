"""The agent's end of the link: requests and replies in frames over a unix socket."""

from __future__ import annotations

import asyncio
import os
from contextlib import aclosing, closing
from importlib.metadata import version
from pathlib import Path
from typing import assert_never, cast

import msgspec

from kernelyard.agent.following import follow
from kernelyard.agent.foreign.strangers import Strangers
from kernelyard.agent.journal import wall_clock
from kernelyard.agent.logs import Log
from kernelyard.agent.registry import Registry
from kernelyard.agent.zygote.keeper import Keeper
from kernelyard.model.errors import AgentUnavailable, Invalid, YardError
from kernelyard.providers.catalogue import Catalogue
from kernelyard.wire import framing, link
from kernelyard.wire.foreign import Deposit, DepositFile, ExternalFiles
from kernelyard.wire.interventions import Claim, Interrupt, Interrupted, Signal, Signalled
from kernelyard.wire.relaying import Relay
from kernelyard.wire.zygotes import Zygotes

ALIVE_SECONDS = 15.0
LONGEST_WAIT_SECONDS = 25.0
"""For a change of the list of images: less than those who ask are patient."""
BACKLOG = 1024
"""Connections that wait until they are taken: every kernel that is followed has one of its own."""


class Server:
    """Answers one request after the other on each connection."""

    def __init__(self, registry: Registry, catalogue: Catalogue, keeper: Keeper, log: Log) -> None:
        self.quitting = asyncio.Event()
        """Set when the agent is to end."""
        self._registry = registry
        self._catalogue = catalogue
        self._keeper = keeper
        self._strangers = Strangers(registry)
        self._log = log
        self._started_at = wall_clock()
        self.version = version("kernelyard")
        self._server: asyncio.Server | None = None
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._streaming: set[asyncio.StreamWriter] = set()

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._open)

    async def listen(self, path: Path) -> None:
        """Listen on a unix socket that only its owner may use. The path must be free."""
        before = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(self._connected, path, backlog=BACKLOG)
        finally:
            os.umask(before)

    async def close(self, *, grace: float = 2.0) -> None:
        """Stop listening; those who follow a journal have ``grace`` seconds to read to its end."""
        if self._server is not None:
            self._server.close()
        for writer in self._open.values():
            if writer not in self._streaming:
                writer.close()
        if self._open:
            await asyncio.wait(self._open, timeout=grace)
        for writer in self._open.values():
            # Whoever reads on this connection finds its end, and leaves by himself.
            writer.transport.abort()
        if self._open:
            await asyncio.wait(self._open, timeout=grace)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._open[task] = writer
        try:
            await self._converse(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        except ValueError as error:
            self._log.warning("link.bad_frame", problem=str(error))
        except RuntimeError:
            # What was closed under it because the agent ends cannot be written to.
            if not self.quitting.is_set():
                raise
        finally:
            if task is not None:
                del self._open[task]
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            length = framing.frame_length(await reader.readexactly(framing.LENGTH_SIZE))
            payload = await reader.readexactly(length)
            try:
                request = link.decode_request(payload)
            except msgspec.DecodeError as error:
                fault = link.fault_of(Invalid(f"The agent does not understand this: {error}"))
                await _send(writer, link.encode_message(fault))
                continue
            if isinstance(request, link.Follow):
                await self._stream(request, reader, writer)
                return
            if isinstance(request, Relay):
                await self._relay(request, writer)
                return
            await _send(writer, link.encode_message(await self._answered(request)))

    async def _answered(self, request: link.Request) -> link.Reply:
        try:
            return await self._answer(request)
        except YardError as error:
            return link.fault_of(error)
        except Exception as error:  # noqa: BLE001 - one failed request must not end the connection
            self._log.exception("link.request_failed", request=type(request).__name__)
            return link.Fault("internal", f"The agent failed: {error}. Its log says more.")

    async def _answer(self, request: link.Request) -> link.Reply:
        match request:
            case link.Hello():
                return link.AgentInfo(
                    link_version=link.LINK_VERSION,
                    version=self.version,
                    pid=os.getpid(),
                    started_at=self._started_at,
                    kernels=self._registry.live,
                )
            case link.Images() | link.NewImages() | link.Parameters() | link.Resource():
                return await self._of_images(request)
            case link.Facts() | Zygotes() | link.Log():
                return await self._of_agent(request)
            case link.Bridge() | Interrupt() | Signal():
                return await self._of_kernel(request)
            case link.Launch() | Claim():
                await self._order(request)
            case link.Stored():
                await self._registry.stored(request.kernel_id, request.number)
            case Deposit() | DepositFile() | ExternalFiles():
                return await self._strangers.answer(request)
            case link.Forget():
                await self._registry.forget(request.kernel_id)
            case link.Quit():
                await self._registry.stop_all(
                    "everything here was stopped", even_if_alive=request.stop_kernels
                )
                self.quitting.set()
            case _:
                self._act(request)
        return link.Done()

    async def _order(self, request: link.Launch | Claim) -> None:
        """Start a kernel, or give one to its owner."""
        if isinstance(request, Claim):
            await self._registry.claim(request.order)
        else:
            await self._registry.launch(request.order)

    async def _of_agent(self, request: link.Facts | Zygotes | link.Log) -> link.Reply:
        """Tell what is there."""
        match request:
            case link.Facts():
                return link.FactList(self._registry.facts())
            case Zygotes():
                return await asyncio.to_thread(self._keeper.facts)
            case link.Log():
                read, which = self._registry.log, request.kernel_id
                return await asyncio.to_thread(read, which, request.begin, request.most)

    async def _of_kernel(self, request: link.Bridge | Interrupt | Signal) -> link.Reply:
        """Do what takes a moment with a kernel that lives, and has an answer."""
        registry, which = self._registry, request.kernel_id
        match request:
            case Interrupt():
                return Interrupted(await registry.interrupt(which, request.by, request.reason))
            case Signal():
                return Signalled(
                    await registry.signal(which, request.number, request.by, request.reason)
                )
            case link.Bridge(close=True):
                await registry.close_bridge(which)
                return link.Done()
            case link.Bridge():
                return link.Bridged(await registry.open_bridge(which))

    async def _of_images(
        self, request: link.Images | link.NewImages | link.Parameters | link.Resource
    ) -> link.Reply:
        """Answer what the catalogue knows."""
        match request:
            case link.Images():
                return self._keeper.overlaid(await self._catalogue.images(request.refresh))
            case link.NewImages():
                return self._keeper.overlaid(await self._new_images(request))
            case link.Parameters():
                await self._catalogue.check(request.provider, request.image, request.values)
                return link.Done()
            case link.Resource():
                return link.Content(
                    await self._catalogue.resource(request.provider, request.image, request.file)
                )

    async def _new_images(self, request: link.NewImages) -> link.ImageList:
        """Wait for a change of the list, but never longer than the agent lives."""
        seconds = min(request.seconds, LONGEST_WAIT_SECONDS)
        waiting = asyncio.ensure_future(self._catalogue.new_images(request.than, seconds))
        ending = asyncio.ensure_future(self.quitting.wait())
        try:
            await asyncio.wait({waiting, ending}, return_when=asyncio.FIRST_COMPLETED)
            if not waiting.done():
                raise AgentUnavailable("The agent is about to end.")
            return waiting.result()
        finally:
            for one in (waiting, ending):
                one.cancel()
            await asyncio.gather(waiting, ending, return_exceptions=True)

    def _act(
        self,
        request: link.Submit
        | link.Cancel
        | link.Restart
        | link.Stop
        | link.Attach
        | link.Follow
        | Relay,
    ) -> None:
        """Do what is done at once."""
        match request:
            case link.Submit():
                self._registry.submit(request.kernel_id, request.tasks)
            case link.Cancel():
                self._registry.cancel(
                    request.kernel_id, request.task_id, request.reason, request.how
                )
            case link.Restart():
                self._registry.restart(
                    request.kernel_id, request.attempt, request.reason, request.by
                )
            case link.Stop():
                self._registry.stop(request.kernel_id, request.reason, shut_down=request.shut_down)
            case link.Attach():
                self._registry.attach(request.kernel_id, request.seconds)
            case link.Follow() | Relay():
                raise Invalid("This request is answered with a stream.")
            case _:
                assert_never(request)

    async def _relay(self, request: Relay, writer: asyncio.StreamWriter) -> None:
        """Let a client speak with a kernel on this connection, until one of them goes."""
        welcome = framing.frame(link.encode_message(link.Done()))
        try:
            transport = cast("asyncio.Transport", writer.transport)
            await self._registry.relay(request, transport, welcome)
        except YardError as error:
            await _send(writer, link.encode_message(link.fault_of(error)))

    async def _stream(
        self, request: link.Follow, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Send frames of records until the journal's end, or until the other side is gone."""
        gone = asyncio.ensure_future(reader.read(1))
        self._streaming.add(writer)
        try:
            journal = self._registry.journal(request.kernel_id)
            with closing(journal.read_after(request.after, request.after_at)) as reading:
                await _send(writer, link.encode_message(link.Done(last=journal.last_number)))
                chunks = follow(reading, alive_seconds=ALIVE_SECONDS, gone=gone)
                async with aclosing(chunks):
                    async for chunk in chunks:
                        await _send(writer, chunk)
        except YardError as error:
            await _send(writer, link.encode_message(link.fault_of(error)))
        finally:
            self._streaming.discard(writer)
            gone.cancel()
            await asyncio.gather(gone, return_exceptions=True)


async def _send(writer: asyncio.StreamWriter, payload: bytes) -> None:
    writer.write(framing.frame(payload))
    await writer.drain()
