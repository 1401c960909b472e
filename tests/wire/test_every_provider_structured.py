"""Answers by schema from servers that see to none, over every wire of every provider: by a tool that must be called, or by the prompt."""

import json
import pickle
from dataclasses import replace
from typing import Any

import pytest

from polaris_llm.core.exceptions import LLMResponseParsingError
from polaris_llm.core.inference import FinishReason, ModelResponse
from polaris_llm.core.llm_client import LLMClient
from polaris_llm.core.parts import ToolCallPart
from polaris_llm.core.stream_folding import fold
from polaris_llm.core.usage import Usage
from support.cases import CASES, Case, same
from support.model_requests import CALL, WEATHER, a_request
from support.openai_server import OpenAIServer, as_json
from support.wires import Said

pytestmark = pytest.mark.anyio

SCHEMA = {"type": "object", "properties": {"marked": {"type": "integer"}, "because": {"type": "string"}}, "required": ["marked"]}
ASKED = a_request("How many?", response_schema=SCHEMA)


def calling(**arguments: Any) -> Said:
    """A call of the tool that gives the answer."""
    return Said(calls=(ToolCallPart(call_id="call_1", name="answer", arguments=arguments),))


RIGHT, WRONG = calling(marked=1, because="ü"), calling(marked="one")
NATIVE = [case for case in CASES if case.format.capabilities.json_schema]
WAYS = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


async def answer(client: LLMClient, *, stream: bool, **changes: Any) -> ModelResponse:
    """The answer to the question, whole or out of its stream."""
    asked = replace(ASKED, **changes)
    return fold([event async for event in client.stream_events(asked, CALL)]) if stream else await client.respond(asked, CALL)


@WAYS
async def test_without_schemas_a_tool_is_demanded_and_its_arguments_are_the_answer(case: Case, server: OpenAIServer, stream: bool) -> None:
    server.will(as_json(200, case.dialect.whole(RIGHT)))
    async with case.client(server, lacks=["json_schema"]) as client:
        response = await answer(client, stream=stream)

    assert response.text == '{"because":"\\u00fc","marked":1}'
    assert (response.finish_reason, response.tool_calls) == (FinishReason.STOP, ())
    assert (response.metadata["structured_by"], response.usage.total_tokens) == ("tool", 14)
    body = server.seen[0].body.decode()
    assert "required" in body or '"any"' in body or "ANY" in body
    assert "because" in body
    assert "Answer with one JSON value" not in body


@WAYS
async def test_a_call_that_does_not_fit_is_mended_once(case: Case, server: OpenAIServer, stream: bool) -> None:
    server.will(as_json(200, case.dialect.whole(WRONG)), as_json(200, case.dialect.whole(RIGHT)))
    async with case.client(server, lacks=["json_schema"]) as client:
        response = await answer(client, stream=stream)

    assert json.loads(response.text) == {"marked": 1, "because": "ü"}
    assert (response.usage.total_tokens, response.attempts, response.metadata["repaired"]) == (28, 2, True)
    assert "'one' is not of type 'integer'" in server.seen[1].body.decode()


@WAYS
async def test_two_calls_that_do_not_fit_are_an_error_that_says_what_they_took(case: Case, server: OpenAIServer, stream: bool) -> None:
    server.will(*[as_json(200, case.dialect.whole(WRONG))] * 2)
    price = {"input_usd": 1e6, "output_usd": 2e6}
    async with case.client(server, lacks=["json_schema"], prices={"a-model": price}) as client:
        with pytest.raises(LLMResponseParsingError, match="'one' is not of type 'integer'") as caught:
            await answer(client, stream=stream)

    context = pickle.loads(pickle.dumps(caught.value)).context
    assert Usage.of(context) == Usage(input_tokens=22, output_tokens=6)
    assert context["cost_usd"] == 2 * (11 + 2 * 3)


@pytest.mark.parametrize(
    ("lacks", "changes"),
    [
        (["json_schema", "tool_choice"], {}),
        (["json_schema", "tools"], {}),
        (["json_schema"], {"tools": (WEATHER,)}),
        (["json_schema"], {"response_schema": {"type": "object", "required": ["marked"]}}),
    ],
    ids=["no tool on demand", "no tools", "tools of its own", "no members"],
)
async def test_the_prompt_is_for_the_rest(case: Case, server: OpenAIServer, lacks: list[str], changes: dict[str, Any]) -> None:
    server.will(as_json(200, case.dialect.whole(Said(text='Well: {"marked": 1}'))))
    async with case.client(server, lacks=lacks) as client:
        response = await answer(client, stream=False, **changes)

    assert (response.text, response.metadata["structured_by"]) == ('{"marked": 1}', "prompt")
    assert "satisfies this JSON schema" in server.seen[0].body.decode()


async def test_a_model_that_cannot_be_made_to_call_a_tool_is_asked_by_the_prompt(server: OpenAIServer) -> None:
    case = Case(provider="anthropic", wire="anthropic")
    server.will(*[as_json(200, case.dialect.whole(said)) for said in (Said(text='{"marked": 1}'), RIGHT)])
    async with case.client(server, lacks=["json_schema"], model="our-claude", base_model="claude-opus-5-5") as client:
        new, old = [await answer(client, stream=False, model=model) for model in ("", "claude-opus-5")]

    assert (new.metadata["structured_by"], old.metadata["structured_by"]) == ("prompt", "tool")


async def test_tools_in_the_extras_are_not_overruled(case: Case, server: OpenAIServer) -> None:
    server.will(*[as_json(200, case.dialect.whole(Said(text='{"marked": 1}')))] * 2)
    async with case.client(server, lacks=["json_schema"]) as asking:
        by_request = await answer(asking, stream=False, extras={case.wire: {"tools": [{"type": "web_search"}]}})
    async with case.client(server, lacks=["json_schema"], extras={"tools": [{"type": "web_search"}]}) as always:
        by_settings = await answer(always, stream=False)

    assert by_request.metadata["structured_by"] == by_settings.metadata["structured_by"] == "prompt"


@pytest.mark.parametrize("case", NATIVE, ids=lambda case: f"{case.provider}-{case.wire}")
async def test_a_server_that_sees_to_schemas_is_told_apart_in_streams_too(case: Case, server: OpenAIServer) -> None:
    said = Said(text='{"marked": 1}')
    closed = {**SCHEMA, "required": ["marked", "because"], "additionalProperties": False}
    server.will(as_json(200, case.dialect.whole(said)), case.streamed(said))
    async with case.client(server) as client:
        whole, streamed = [await answer(client, stream=stream, response_schema=closed) for stream in (False, True)]

    assert whole.metadata["structured_by"] == "schema"
    assert same(streamed) == same(whole)
