"""Calls over a socket between processes of one node: both ends know each other, a line that breaks fails its calls, and nothing is cut."""

import asyncio
import pickle
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import replace

import pytest

from polaris_llm.actors import lines
from polaris_llm.actors.engine import ActorGoneError
from polaris_llm.actors.lines import Door, Line, opened_doorway, opened_line
from support.actors import until

pytestmark = pytest.mark.anyio


@pytest.fixture(params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    """Actors run on either loop, and so do callers."""
    return "asyncio", {"use_uvloop": request.param}


class Clerk:
    """What stands behind a door."""

    def __init__(self) -> None:
        self.held = asyncio.Event()
        self.holding = 0

    async def serve(self, method: str, content: bytes) -> bytes:
        """The content back, at once or when it is let go."""
        if content == b"fail":
            raise ActorGoneError("took the caller for dead")
        if content == b"half an emoji":
            raise ValueError("\ud83d")
        if content == b"hold":
            self.holding += 1
            try:
                await self.held.wait()
            finally:
                self.holding -= 1
        return method.encode() + b":" + content


@asynccontextmanager
async def door_of(clerk: Clerk) -> AsyncIterator[Door]:
    """The clerk's, closed afterwards."""
    doorway = await opened_doorway(clerk.serve)
    assert doorway is not None
    with closing(doorway):
        yield doorway.door


@asynccontextmanager
async def line_to(clerk: Clerk) -> AsyncIterator[Line]:
    """A line to the clerk, hung up afterwards."""
    async with door_of(clerk) as door:
        line = await opened_line(door)
        assert line is not None
        try:
            yield line
        finally:
            line.hang_up()
            await asyncio.sleep(0)


@asynccontextmanager
async def stranger() -> AsyncIterator[tuple[Door, socket.socket]]:
    """A socket that has called at a clerk's door, and has said nothing yet."""
    async with door_of(Clerk()) as door, asyncio.timeout(5):
        with socket.socket(socket.AF_UNIX) as ours:
            ours.setblocking(False)
            await asyncio.get_running_loop().sock_connect(ours, door.name)
            yield door, ours


async def heard(ours: socket.socket) -> bytes:
    """All that comes until the other end hangs up."""
    data = b""
    try:
        while piece := await asyncio.get_running_loop().sock_recv(ours, 65536):
            data += piece
    except ConnectionResetError:
        pass
    return data


def frame(kind: int, content: bytes, number: int = 0) -> bytes:
    """As on the wire: size and number in four bytes, little end first, then the kind."""
    return len(content).to_bytes(4, "little") + number.to_bytes(4, "little") + bytes([kind]) + content


async def test_calls_are_answered_each_in_its_own_time() -> None:
    clerk = Clerk()
    async with line_to(clerk) as line:
        late = asyncio.create_task(line.call("collect", b"hold"))
        assert await line.call("mail", b"quick") == b"mail:quick"
        clerk.held.set()
        assert await late == b"collect:hold"


async def test_large_contents_arrive_whole() -> None:
    async with line_to(Clerk()) as line:
        large = bytes(range(256)) * 20_000

        answers = await asyncio.gather(*(line.call("mail", large) for _ in range(3)), line.call("mail", b""))

        assert answers == [b"mail:" + large] * 3 + [b"mail:"]


async def test_what_the_actor_raises_tells_that_it_is_gone() -> None:
    async with line_to(Clerk()) as line:
        with pytest.raises(ActorGoneError, match="took the caller for dead"):
            await line.call("mail", b"fail")
        assert await line.call("mail", b"next") == b"mail:next"


async def test_a_defect_of_the_actor_ends_its_call_and_is_told_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async with line_to(Clerk()) as line:
        with pytest.raises(ActorGoneError, match=r"ValueError: \?"):
            await line.call("mail", b"half an emoji")
    assert "a call over a line failed" in caplog.text


async def test_what_waits_for_a_line_that_broke_is_given_up() -> None:
    clerk = Clerk()
    async with line_to(clerk) as line:
        call = asyncio.create_task(line.call("collect", b"hold"))
        await until(lambda: clerk.holding == 1)

        line.hang_up()

        await until(lambda: clerk.holding == 0)
        with pytest.raises(ActorGoneError):
            await call


async def test_who_says_nothing_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "OPEN_S", 0.05)
    async with stranger() as (_, ours):
        assert await heard(ours) == b""


async def test_calls_fail_when_the_line_breaks_and_afterwards() -> None:
    async with line_to(Clerk()) as line:
        calls = [asyncio.create_task(line.call("mail", b"hold")) for _ in range(3)]
        await asyncio.sleep(0)

        line.hang_up()

        for call in calls:
            with pytest.raises(ActorGoneError, match="its line broke"):
                await call
        with pytest.raises(ActorGoneError, match="its line is closed"):
            await line.call("mail", b"later")


async def test_a_call_that_was_given_up_hurts_no_other() -> None:
    clerk = Clerk()
    async with line_to(clerk) as line:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await line.call("mail", b"hold")
        clerk.held.set()
        assert await line.call("mail", b"next") == b"mail:next"


async def test_frames_may_come_in_any_pieces() -> None:
    async with stranger() as (door, ours):
        for byte in frame(4, door.knock) + frame(0, b"one", 7) + frame(1, b"two", 8):
            await asyncio.get_running_loop().sock_sendall(ours, bytes([byte]))
        expected = frame(4, door.welcome) + frame(2, b"mail:one", 7) + frame(2, b"collect:two", 8)
        data = b""
        while len(data) < len(expected):
            data += await asyncio.get_running_loop().sock_recv(ours, 4096)

        assert data == expected


SPEECHES: dict[str, Callable[[Door], bytes]] = {
    "another word": lambda door: frame(4, bytes(32)),
    "the welcome": lambda door: frame(4, door.welcome),
    "a short word": lambda door: frame(4, door.knock[:8]),
    "a call": lambda door: frame(0, door.knock),
    "a long one": lambda door: (2**31).to_bytes(4, "little") + bytes(5),
    "a call of no kind, after the word": lambda door: frame(4, door.knock) + frame(9, b"x"),
    "an answer, after the word": lambda door: frame(4, door.knock) + frame(2, b"x"),
}


@pytest.mark.parametrize("speech", SPEECHES.values(), ids=SPEECHES)
async def test_strangers_are_hung_up_on(speech: Callable[[Door], bytes]) -> None:
    async with stranger() as (door, ours):
        await asyncio.get_running_loop().sock_sendall(ours, speech(door))
        assert (await heard(ours)) in (b"", frame(4, door.welcome))


async def test_an_imposter_gets_no_call() -> None:
    async with door_of(Clerk()) as door:
        assert await opened_line(replace(door, welcome=bytes(32))) is None
        assert await opened_line(replace(door, knock=bytes(32))) is None


async def test_there_is_no_line_where_nobody_is() -> None:
    assert await opened_line(Door(name="\0polaris-llm-nobody", knock=bytes(32), welcome=bytes(32))) is None


async def test_a_door_travels_and_does_not_show_its_words() -> None:
    async with door_of(Clerk()) as door:
        assert pickle.loads(pickle.dumps(door)) == door
        assert repr(door) == f"Door(name={door.name!r})"
