"""Recorded answers of every wire: a folder of `tests/data` each, of a provider with a dialect of its own a folder of folders."""

from pathlib import Path

import pytest

from polaris_llm.core.deltas import StreamEvent
from polaris_llm.core.inference import ModelResponse
from polaris_llm.core.providers.exchange import HttpReply
from polaris_llm.core.stream_folding import fold
from support.cases import CASES, Case, same
from support.model_requests import WEATHER, a_request
from support.openai_server import EVENT_STREAM

DATA = Path(__file__).parents[1] / "data"
STREAMS = pytest.mark.parametrize("path", sorted(DATA.rglob("*.sse")), ids=lambda path: str(path.relative_to(DATA)))
"""Each beside the same answer as it comes whole."""
HEAD = HttpReply(status=200, headers=EVENT_STREAM, body=b"", received_at=0.0)


def case_of(path: Path) -> Case:
    """Who speaks so."""
    *provider, wire = path.parent.relative_to(DATA).parts
    return next(case for case in CASES if case.wire == wire and provider in ([], [case.provider]))


def streamed(path: Path, size: int) -> list[StreamEvent]:
    """The events of a stream whose bytes come in chunks of a size."""
    codec, stream = case_of(path).codec, path.read_bytes()
    decoder = codec.stream_decoder(codec.encode_stream(a_request(tools=(WEATHER,))), HEAD)
    chunks = (stream[start : start + size] for start in range(0, len(stream), size))
    return [*(event for chunk in chunks for event in decoder.feed(chunk)), *decoder.end()]


def whole(path: Path) -> ModelResponse:
    """The same answer in one piece."""
    codec = case_of(path).codec
    reply = HttpReply(status=200, headers={}, body=path.with_suffix(".json").read_bytes(), received_at=0.0)
    return codec.decode(codec.encode(a_request(tools=(WEATHER,))), reply)


def test_every_wire_has_recorded_bytes() -> None:
    assert {case_of(path).wire for path in DATA.rglob("*.sse")} == {case.wire for case in CASES}


@STREAMS
def test_a_stream_folds_to_the_answer_that_comes_whole(path: Path) -> None:
    answer, folded = same(whole(path)), same(fold(streamed(path, 100_000)))

    assert (folded.text, folded.finish_reason, folded.model) == (answer.text, answer.finish_reason, answer.model)
    assert folded == answer or path.stem.startswith("llama_cpp")  # which was asked twice, and gave ids and times of their own


@STREAMS
def test_its_bytes_may_come_in_chunks_of_any_size(path: Path) -> None:
    assert streamed(path, 1) == streamed(path, 7) == streamed(path, 100_000)
