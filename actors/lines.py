"""Lines to actors on the same node: calls over a socket, which cost much less than Ray's own.

Who may have a line is Ray's to say: the words by which its two ends know each other come by a Ray call. Linux only, whose
abstract sockets leave nothing behind when their process ends (https://man7.org/linux/man-pages/man7/unix.7.html).
"""

import asyncio
import hmac
import itertools
import logging
import os
import secrets
import socket
import struct
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import cast

from .engine import ActorGoneError

logger = logging.getLogger(__name__)

OPEN_S = 5.0
"""Seconds in which both ends of a line must know each other."""
BACKLOG = 4096
"""Callers that may wait while the actor is busy; the kernel's own bound may be lower."""

Serve = Callable[[str, bytes], Awaitable[bytes]]
"""What an actor does with a call: a method and its argument, and what comes of it."""

_HEAD = struct.Struct("<IIB")
"""What a frame begins with: how many bytes follow, the call's number, and what the frame is."""
_CREDENTIALS = struct.Struct("3i")
"""Process, user and group of a socket's other end: struct ucred of unix(7)."""
_MAIL, _COLLECT, _ANSWER, _ERROR, _WORD = range(5)
_METHODS = {_MAIL: "mail", _COLLECT: "collect"}
_KINDS = {method: kind for kind, method in _METHODS.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Where an actor takes lines."""

    name: str
    """Of an abstract socket."""
    knock: bytes = field(repr=False)
    """What the caller says first."""
    welcome: bytes = field(repr=False)
    """What the actor answers to that."""


class _End(asyncio.Protocol):
    """One end of a line: bytes to frames and back."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are not its children

    def data_received(self, data: bytes) -> None:
        self._received += data
        while len(self._received) >= _HEAD.size:
            size, number, kind = _HEAD.unpack_from(self._received)
            end = _HEAD.size + size
            if not self.expects(kind, size):
                self.hang_up()
            if len(self._received) < end or self.is_closed:
                break
            frame = bytes(memoryview(self._received)[_HEAD.size : end])
            del self._received[:end]
            self.take(number, kind, frame)

    @property
    def is_closed(self) -> bool:
        return self._transport is None or self._transport.is_closing()

    def send(self, number: int, kind: int, content: bytes) -> None:
        if self._transport is not None and not self.is_closed:
            self._transport.write(_HEAD.pack(len(content), number, kind) + content)

    def hang_up(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def expects(self, kind: int, size: int) -> bool:
        raise NotImplementedError

    def take(self, number: int, kind: int, content: bytes) -> None:
        raise NotImplementedError


class _ActorsEnd(_End):
    """Serves one caller, once that has said the word."""

    def __init__(self, door: Door, serve: Serve) -> None:
        super().__init__()
        self._door = door
        self._serve = serve
        self._is_known = False
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        asyncio.get_running_loop().call_later(OPEN_S, self._part_with_strangers)
        if not _is_ours(transport.get_extra_info("socket")):
            self.hang_up()

    def connection_lost(self, exc: Exception | None) -> None:
        for task in self._tasks:  # or a `collect` of this line takes the answers of the caller's next one
            task.cancel()

    def expects(self, kind: int, size: int) -> bool:
        return kind in _METHODS if self._is_known else (kind, size) == (_WORD, len(self._door.knock))

    def take(self, number: int, kind: int, content: bytes) -> None:
        if self._is_known:
            task = asyncio.ensure_future(self._answer(number, _METHODS[kind], content))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        elif hmac.compare_digest(content, self._door.knock):
            self._is_known = True
            self.send(number, _WORD, self._door.welcome)
        else:
            self.hang_up()

    async def _answer(self, number: int, method: str, content: bytes) -> None:
        try:
            self.send(number, _ANSWER, await self._serve(method, content))
        except Exception as error:  # ActorGoneError, or a defect: in both cases the caller takes the actor for gone
            if not isinstance(error, ActorGoneError):
                logger.exception("a call over a line failed")
            self.send(number, _ERROR, f"{type(error).__name__}: {error}".encode(errors="replace"))

    def _part_with_strangers(self) -> None:
        if not self._is_known:
            self.hang_up()


class Line(_End):
    """A caller's end. Every call fails with ActorGoneError once the actor's end is gone."""

    def __init__(self, door: Door) -> None:
        super().__init__()
        self._door = door
        self._numbers = itertools.count()
        self._calls: dict[int, asyncio.Future[bytes]] = {}
        self._welcomed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def greet(self) -> None:
        """Return when both ends know each other; raises ConnectionError if this is not the actor."""
        self.send(0, _WORD, self._door.knock)
        await self._welcomed

    async def call(self, method: str, content: bytes) -> bytes:
        """What comes of an actor's method, `mail` or `collect`; raises ActorGoneError."""
        if self.is_closed:
            raise ActorGoneError("its line is closed")
        number = next(self._numbers) % 2**32
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._calls[number] = answer
        self.send(number, _KINDS[method], content)
        try:
            return await answer
        finally:
            del self._calls[number]

    def expects(self, kind: int, size: int) -> bool:
        return kind in (_ANSWER, _ERROR) if self._welcomed.done() else (kind, size) == (_WORD, len(self._door.welcome))

    def take(self, number: int, kind: int, content: bytes) -> None:
        if kind == _WORD:
            if hmac.compare_digest(content, self._door.welcome):
                self._welcomed.set_result(None)
            else:
                self.hang_up()
        elif (answer := self._calls.get(number)) is not None and not answer.done():
            if kind == _ERROR:
                answer.set_exception(ActorGoneError(content.decode()))
            else:
                answer.set_result(content)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._welcomed.done():
            self._welcomed.set_exception(ConnectionError("hung up before it said the word"))
        for answer in self._calls.values():
            if not answer.done():
                answer.set_exception(ActorGoneError("its line broke"))


@dataclass(frozen=True, slots=True)
class Doorway:
    """A door that is open."""

    door: Door
    server: asyncio.Server

    def close(self) -> None:
        """Take no further line."""
        self.server.close()


async def opened_doorway(serve: Serve) -> Doorway | None:
    """Take lines from now on; None where there can be none."""
    if sys.platform != "linux":
        return None
    name = f"\0polaris-llm-{secrets.token_hex(16)}"
    door = Door(name=name, knock=secrets.token_bytes(32), welcome=secrets.token_bytes(32))
    try:
        server = await asyncio.get_running_loop().create_unix_server(lambda: _ActorsEnd(door, serve), name, backlog=BACKLOG)
    except OSError as error:
        logger.warning("this actor takes no lines: %s", error)
        return None
    return Doorway(door, server)


async def opened_line(door: Door) -> Line | None:
    """A line to an actor on this node; None where it cannot be had, as from another container."""
    try:
        async with asyncio.timeout(OPEN_S):
            return await _opened_line(door)
    except OSError as error:  # TimeoutError too
        logger.info("no line through %r: %s: %s", door, type(error).__name__, error)
        return None


async def _opened_line(door: Door) -> Line:
    loop = asyncio.get_running_loop()
    ours = socket.socket(socket.AF_UNIX)
    try:
        ours.setblocking(False)
        await loop.sock_connect(ours, door.name)  # uvloop itself takes no abstract names
        if not _is_ours(ours):
            raise PermissionError("another user listens there")
        _, line = await loop.create_unix_connection(lambda: Line(door), sock=ours)
    except BaseException:
        ours.close()
        raise
    try:
        await line.greet()
    except BaseException:
        line.hang_up()
        raise
    return line


def _is_ours(end: socket.socket) -> bool:
    """Whether the other end belongs to the user of this process."""
    user: int = _CREDENTIALS.unpack(end.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))[1]
    return user == os.getuid()
