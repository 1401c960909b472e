"""Streams between actors: pieces in order, no faster than they are read, and closed when nobody reads them any more."""

import asyncio
from collections.abc import AsyncGenerator

import anyio
import pytest

from polaris_llm.core.deltas import StreamEvent, TextDelta
from polaris_llm.core.exceptions import LLMConnectionError, SessionError, UnexpectedError
from polaris_llm.core.open_streams import MAX_AHEAD, OpenStreams, Pieces

pytestmark = pytest.mark.anyio

DEADLINE_S = 10.0


class Source:
    """Events that come when they are let, and a note of what became of them."""

    def __init__(self, count: int, error: Exception | None = None) -> None:
        self.count = count
        self.error = error
        self.given = 0
        self.closed = asyncio.Event()

    async def events(self) -> AsyncGenerator[StreamEvent, None]:
        try:
            for number in range(self.count):
                self.given += 1
                yield TextDelta(text=str(number))
            if self.error is not None:
                raise self.error
        finally:
            self.closed.set()


async def texts(open_streams: OpenStreams, source: Source) -> list[str]:
    pieces = await open_streams.begin("s", source.events())
    return words(pieces) + ([] if pieces.ended else await texts_of(open_streams))


async def texts_of(open_streams: OpenStreams) -> list[str]:
    found: list[str] = []
    with anyio.fail_after(DEADLINE_S):
        while not (pieces := await open_streams.next("s")).ended:
            found += words(pieces)
    return found + words(pieces)


def words(pieces: Pieces) -> list[str]:
    return [event.text for event in pieces.events if isinstance(event, TextDelta)]


async def test_all_pieces_come_in_their_order_and_the_stream_is_closed() -> None:
    open_streams, source = OpenStreams(idle_s=60), Source(3 * MAX_AHEAD)

    assert await texts(open_streams, source) == [str(number) for number in range(source.count)]
    assert (len(open_streams), source.closed.is_set()) == (0, True)


async def test_an_empty_stream_ends() -> None:
    assert await texts(OpenStreams(idle_s=60), Source(0)) == []


async def test_a_slow_reader_holds_the_source_back() -> None:
    open_streams, source = OpenStreams(idle_s=60), Source(10 * MAX_AHEAD)

    first = await open_streams.begin("s", source.events())
    for _ in range(5 * MAX_AHEAD):
        await asyncio.sleep(0)

    assert source.given <= len(first.events) + MAX_AHEAD + 1
    await open_streams.close_all()


@pytest.mark.parametrize(
    ("error", "kind"), [(LLMConnectionError("cut"), LLMConnectionError), (ZeroDivisionError("defect"), UnexpectedError)]
)
async def test_an_error_comes_after_the_pieces_before_it(error: Exception, kind: type[Exception]) -> None:
    open_streams, source = OpenStreams(idle_s=60), Source(2, error)
    first = await open_streams.begin("s", source.events())
    assert not first.ended

    with pytest.raises(kind):
        await texts_of(open_streams)

    assert len(open_streams) == 0


async def test_a_stream_that_is_closed_closes_its_source_and_is_not_known_any_more() -> None:
    open_streams, source = OpenStreams(idle_s=60), Source(10 * MAX_AHEAD)
    await open_streams.begin("s", source.events())

    await open_streams.close("s")
    await open_streams.close("s")

    assert source.closed.is_set()
    with pytest.raises(SessionError, match="is not open"):
        await open_streams.next("s")


async def test_a_stream_that_nobody_reads_is_closed() -> None:
    open_streams, source = OpenStreams(idle_s=0.01), Source(10 * MAX_AHEAD)
    await open_streams.begin("s", source.events())

    with anyio.fail_after(DEADLINE_S):
        await source.closed.wait()

    assert len(open_streams) == 0


async def test_a_reader_that_gives_up_while_it_waits_closes_the_stream() -> None:
    closed = asyncio.Event()

    async def silent() -> AsyncGenerator[StreamEvent, None]:
        try:
            await asyncio.sleep(DEADLINE_S)
            yield TextDelta(text="late")
        finally:
            closed.set()

    open_streams = OpenStreams(idle_s=60)
    reader = asyncio.create_task(open_streams.begin("s", silent()))
    await asyncio.sleep(0.01)

    reader.cancel()
    await asyncio.wait({reader})

    assert (len(open_streams), closed.is_set()) == (0, True)
