"""Server-sent events: what the specification says of every kind of line, in whatever chunks the bytes come."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polaris_llm.core.providers.sse import ServerSentEvent, SseDecoder


def decoded(*chunks: bytes) -> list[ServerSentEvent]:
    """The events of one stream."""
    decoder = SseDecoder()
    return [event for chunk in chunks for event in decoder.feed(chunk)]


def data_of(*chunks: bytes) -> list[str]:
    """The events' data."""
    return [event.data for event in decoded(*chunks)]


def as_specified(stream: bytes) -> list[ServerSentEvent]:
    """The specification's own words as a program: decode all, split all, then go line by line."""
    events, data, name = [], "", ""
    lines = re.split("\r\n|\r|\n", stream.decode("utf-8", "replace").removeprefix("\ufeff"))
    for line in lines[:-1]:  # the last is not ended
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if line == "":
            if data:
                events.append(ServerSentEvent(data=data.removesuffix("\n"), event=name or "message"))
            data, name = "", ""
        elif field == "data":
            data += f"{value}\n"
        elif field == "event":
            name = value
    return events


@pytest.mark.parametrize("line_end", [b"\n", b"\r", b"\r\n"])
def test_every_line_end_ends_a_line(line_end: bytes) -> None:
    assert data_of(line_end.join([b"data: one", b"", b"data: two", b"", b""])) == ["one", "two"]


def test_an_event_is_there_as_soon_as_its_last_line_is() -> None:
    decoder = SseDecoder()

    at_once = list(decoder.feed(b"data: one\r\n\r"))
    later = list(decoder.feed(b"\ndata: two\r\n\r\n"))

    assert [event.data for event in at_once] == ["one"]
    assert [event.data for event in later] == ["two"]


def test_lines_of_data_are_joined() -> None:
    assert data_of(b"data: one\ndata:two\ndata\ndata:  four\n\n") == ["one\ntwo\n\n four"]


def test_comments_and_unknown_fields_say_nothing() -> None:
    assert data_of(b": keep-alive\n\nid: 7\nretry: 100\nanything: else\n\n:\ndata: one\n: more\n\n") == ["one"]


def test_an_event_has_its_name_and_the_next_one_has_not() -> None:
    assert [event.event for event in decoded(b"event: error\ndata: a\n\ndata: b\n\nevent: lost\n\ndata: c\n\n")] == [
        "error",
        "message",
        "message",
    ]


def test_one_byte_order_mark_is_passed_over() -> None:
    assert data_of(b"\xef\xbb\xbfdata: one\n\n") == ["one"]
    assert data_of(b"\xef\xbb\xbf\xef\xbb\xbfdata: one\n\n") == []


def test_what_is_not_ended_is_no_event() -> None:
    assert data_of(b"data: one\n\ndata: two\n") == ["one"]


def test_a_character_may_be_cut_anywhere() -> None:
    stream = "data: größer 🎉 日本\r\n\r\n".encode()

    for cut in range(len(stream) + 1):
        assert data_of(stream[:cut], stream[cut:]) == ["größer 🎉 日本"]


def test_broken_characters_are_replaced() -> None:
    assert data_of(b"data: a\xff\xc3\n\n") == ["a\ufffd\ufffd"]


@pytest.mark.parametrize("stream", [b"data: " + b"x" * 100, b"data: 1234567\n" * 10, b": " + b"x" * 100])
def test_no_event_may_grow_without_bound(stream: bytes) -> None:
    decoder = SseDecoder(max_event_bytes=64)

    with pytest.raises(ValueError, match="max_event_bytes=64"):
        [list(decoder.feed(stream[at : at + 5])) for at in range(0, len(stream), 5)]


def test_many_events_and_comments_within_the_bound_pass() -> None:
    decoder = SseDecoder(max_event_bytes=64)

    assert len(list(decoder.feed(b": comment of some length\ndata: 1234567\n\n" * 50))) == 50
    assert list(decoder.feed(b": comment of some length\n" * 50)) == []


LINES = st.sampled_from(
    ["data: ä🎉".encode(), b"data", b"data:", b"data:  x", b"event: e", b": c", b"id: 1", b"", b"", b"\xef\xbb\xbf", b"\xff"]
)
ENDS = st.sampled_from([b"\n", b"\r", b"\r\n"])


@given(st.lists(st.tuples(LINES, ENDS), max_size=12), st.lists(st.integers(0, 100), max_size=6))
def test_chunks_make_no_difference(lines: list[tuple[bytes, bytes]], cuts: list[int]) -> None:
    stream = b"".join(line + end for line, end in lines)
    bounds = sorted({0, len(stream), *(min(cut, len(stream)) for cut in cuts)})

    chunks = [stream[start:end] for start, end in pairwise(bounds)]

    assert decoded(*chunks) == as_specified(stream)
