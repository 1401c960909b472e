"""What holds for all providers, over every wire of every provider: a server's bytes in, values of ours out."""

import gzip
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from polaris_llm.core.deltas import ReasoningDelta, StreamEvent, StreamFinished, TextDelta
from polaris_llm.core.inference import FinishReason
from polaris_llm.core.llm_client import LLMClient
from polaris_llm.core.parts import ModelMessage, ToolResultPart, text_message
from polaris_llm.core.providers.exchange import HttpReply
from polaris_llm.core.providers.registry import Endpoint
from polaris_llm.core.stream_folding import fold
from support.cases import CALLS, CASES, DIALECTS, HELLO, KEY, THOUGHTS, Case, events_of, same
from support.cuts import cut
from support.model_requests import CALL, WEATHER, a_request
from support.openai_server import EVENT_STREAM, OpenAIServer, as_json, held_after, http, streamed
from support.wires import Said, pieces

pytestmark = pytest.mark.anyio

SAID = pytest.mark.parametrize("said", [HELLO, CALLS, THOUGHTS], ids=["text", "tools", "thoughts"])


@pytest.fixture
async def client(case: Case, server: OpenAIServer) -> AsyncIterator[LLMClient]:
    """A client of the case that tries once."""
    async with case.client(server) as client:
        yield client


def test_every_wire_has_a_dialect() -> None:
    assert {case.wire for case in CASES} == DIALECTS.keys()


async def test_an_answer_comes_in_the_normal_form(case: Case, server: OpenAIServer, client: LLMClient) -> None:
    server.will(as_json(200, case.dialect.whole(HELLO)))

    response = await client.respond(a_request("Hi", seed=None), CALL)

    assert (response.text, response.finish_reason, response.provider) == ("Hellö 🎉.", FinishReason.STOP, case.provider)
    assert (response.usage.input_tokens, response.usage.output_tokens, response.usage.total_tokens) == (11, 3, 14)
    assert response.usage.raw
    assert response.raw_finish_reason
    assert response.attempts == 1


async def test_the_wire_is_asked_where_it_is_and_the_key_is_in_its_header_only(case: Case, server: OpenAIServer, client: LLMClient) -> None:
    server.will(as_json(200, case.dialect.whole(HELLO)))

    await client.respond(a_request("Hi"), CALL)

    (seen,) = server.seen
    asked = seen.line.split()[1]
    assert asked == (case.dialect.path if case.provider != "azure" else case.dialect.path.replace("/v1", "/openai/v1"))
    assert KEY in seen.headers[case.key_header]
    assert KEY not in seen.line + seen.body.decode()


async def test_tools_are_called_and_their_results_go_back(case: Case, server: OpenAIServer, client: LLMClient) -> None:
    server.will(as_json(200, case.dialect.whole(CALLS)), as_json(200, case.dialect.whole(HELLO)))
    asked = a_request(messages=(text_message("system", "Be brief."), text_message("system", "And kind."), text_message("user", "Hi")))

    first = await client.respond(replace(asked, tools=(WEATHER,), tool_choice="required"), CALL)
    results = tuple(ToolResultPart(call_id=call.call_id, name=call.name, content={"sky": "grey"}) for call in first.tool_calls)
    history = (*asked.messages, first.as_message(), ModelMessage(role="tool", parts=results))
    second = await client.respond(replace(asked, messages=history, tools=(WEATHER,), tool_choice="weather"), CALL)

    assert first.finish_reason is FinishReason.TOOL_CALLS
    assert [(call.name, call.arguments) for call in first.tool_calls] == [(call.name, call.arguments) for call in CALLS.calls]
    assert len({call.call_id for call in first.tool_calls}) == 2
    assert second.text == HELLO.text
    for told in ("Be brief.", "And kind.", "Bergen", "grey", "Tells the weather."):
        assert told in server.seen[1].body.decode()


@SAID
async def test_a_stream_folds_to_the_whole_answer(case: Case, server: OpenAIServer, client: LLMClient, said: Said) -> None:
    server.will(as_json(200, case.dialect.whole(said)), case.streamed(said))

    whole = await client.respond(a_request(tools=(WEATHER,)), CALL)
    events = await events_of(client)

    assert same(fold(events)) == same(whole)
    assert [event.text for event in events if isinstance(event, TextDelta) and event.text] == pieces(said.text)


async def test_thoughts_come_piece_by_piece_and_are_no_part_of_the_text(case: Case, server: OpenAIServer, client: LLMClient) -> None:
    server.will(case.streamed(THOUGHTS))

    events = await events_of(client)

    response, thoughts = fold(events), [event.text for event in events if isinstance(event, ReasoningDelta) and event.text]
    assert thoughts == pieces(THOUGHTS.thoughts)
    assert [part.kind for part in response.parts] == ["reasoning", "text", "tool_call", "tool_call"]
    assert response.text == THOUGHTS.text


@pytest.mark.parametrize("header", ["x-request-id", "request-id", "apim-request-id", "x-goog-request-id"])
async def test_the_providers_own_id_of_a_request_is_told(case: Case, server: OpenAIServer, client: LLMClient, header: str) -> None:
    told = {header: "req_1", "x-ratelimit-remaining-requests": "9"}
    whole, events = case.dialect.whole(HELLO), case.dialect.events(HELLO)
    server.will(as_json(200, whole, told), streamed(*events, headers={**EVENT_STREAM, **told}), as_json(200, whole, told))

    metadata = [response.metadata for response in (await client.respond(a_request(), CALL), *[fold(await events_of(client)) for _ in "12"])]

    assert [each["provider_request_id"] for each in metadata] == ["req_1"] * 3
    assert all("rate_limits" in each for each in metadata)


async def test_leaving_a_stream_early_closes_the_connection_at_once(case: Case, server: OpenAIServer, client: LLMClient) -> None:
    server.will(held_after(case.begun(HELLO)))

    async with aclosing(client.stream_events(a_request(), CALL)) as events:
        with anyio.fail_after(10):
            assert await anext(events)

    with anyio.fail_after(10):
        await server.left.wait()


def over_lines(event: bytes) -> bytes:
    """The event with its JSON spread over several lines of data."""
    lines = []
    for line in event.decode().split("\n"):
        data = json.dumps(json.loads(line[6:]), indent=1).split("\n") if line.startswith("data: {") else []
        lines += [f"data: {part}" for part in data] or [line]
    return "\n".join(lines).encode()


async def test_data_over_several_lines_is_one_event(case: Case, server: OpenAIServer, client: LLMClient) -> None:
    events = [over_lines(event) for event in case.dialect.events(CALLS)]
    server.will(case.streamed(CALLS), streamed(*events))

    usual, spread = await events_of(client), await events_of(client)

    assert all(event.count(b"data: ") > 2 for event in events if b"data: {" in event)
    assert same(fold(usual)) == same(fold(spread))


@pytest.mark.parametrize("line_end", [b"\r\n", b"\r"], ids=["CRLF", "CR"])
async def test_line_ends_of_every_kind_and_pings_change_nothing(
    case: Case, server: OpenAIServer, client: LLMClient, line_end: bytes
) -> None:
    events = [event.replace(b"\n", line_end) for event in case.dialect.events(CALLS)]
    ping = b": ping" + line_end * 2
    server.will(case.streamed(CALLS), streamed(*[ping + event for event in events], ping))

    usual, odd = await events_of(client), await events_of(client)

    assert same(fold(usual)) == same(fold(odd))


@pytest.mark.parametrize("content_type", ["text/plain", "application/json", "application/octet-stream"])
async def test_a_wrong_content_type_hides_no_stream(case: Case, server: OpenAIServer, client: LLMClient, content_type: str) -> None:
    server.will(streamed(*case.dialect.events(HELLO), headers={"content-type": content_type}))

    assert fold(await events_of(client)).text == HELLO.text


async def test_an_answer_that_came_whole_where_a_stream_was_asked_for_is_an_answer(
    case: Case, server: OpenAIServer, client: LLMClient
) -> None:
    server.will(as_json(200, case.dialect.whole(HELLO)))

    assert fold(await events_of(client)).text == HELLO.text


async def test_packed_answers_are_unpacked(case: Case, server: OpenAIServer, client: LLMClient) -> None:
    packed = {"content-encoding": "gzip"}
    whole, stream = json.dumps(case.dialect.whole(HELLO)).encode(), b"".join(case.dialect.events(HELLO))
    server.will(http(200, gzip.compress(whole), packed), http(200, gzip.compress(stream), EVENT_STREAM | packed))

    assert (await client.respond(a_request(), CALL)).text == fold(await events_of(client)).text == HELLO.text


async def test_an_answer_of_a_megabyte_is_read_whole(case: Case, server: OpenAIServer, client: LLMClient) -> None:
    said = Said(text="ü" * 500_000)
    server.will(as_json(200, case.dialect.whole(said)), case.streamed(said))

    assert (await client.respond(a_request(), CALL)).text == said.text
    assert fold(await events_of(client)).text == said.text


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_the_bytes_of_a_stream_may_be_cut_anywhere(case: Case, data: st.DataObject) -> None:
    endpoint = Endpoint(provider=case.provider, base_url="http://localhost", api_key=KEY)
    said = data.draw(st.sampled_from([HELLO, CALLS, THOUGHTS]))
    stream = b"".join(case.dialect.events(said))

    assert decoded(endpoint, case, *cut(data, stream)) == decoded(endpoint, case, stream)


@pytest.mark.parametrize("keep_raw", [True, False])
def test_the_events_of_a_stream_are_kept_as_they_came_if_they_are_wanted(case: Case, keep_raw: bool) -> None:
    endpoint = Endpoint(provider=case.provider, base_url="http://localhost", api_key=KEY, keep_raw=keep_raw)
    stream = b"".join(case.dialect.events(CALLS))

    *_, end = decoded(endpoint, case, stream)

    assert isinstance(end, StreamFinished)
    sent = [json.loads(line.removeprefix(b"data: ")) for line in stream.split(b"\n") if line.startswith(b"data: {")]
    whole = sent[-1]["response"] if case.wire == "openai_responses" else sent
    assert end.metadata.get("raw_response") == (whole if keep_raw else None)


def decoded(endpoint: Endpoint, case: Case, *chunks: bytes) -> list[StreamEvent]:
    """All events of a stream, by the case's codec for an endpoint."""
    codec = case.format.codec(endpoint)
    head = HttpReply(status=200, headers=EVENT_STREAM, body=b"", received_at=0.0)
    decoder = codec.stream_decoder(codec.encode_stream(a_request(tools=(WEATHER,))), head)
    return [*(event for chunk in chunks for event in decoder.feed(chunk)), *decoder.end()]
