"""What a request may ask for, over every wire of every provider: it is sent, or told to be left out, or refused."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

import pytest

from polaris_llm.core.exceptions import LLMConfigurationError
from polaris_llm.core.http_client import HttpClient
from polaris_llm.core.inference import PromptCache
from polaris_llm.core.llm_client import LLMClient
from polaris_llm.core.parts import ImagePart, ModelMessage, Role, TextPart, text_message
from support.cases import HELLO, Case
from support.model_requests import CALL, WEATHER, a_request
from support.nesting import nested
from support.openai_server import OpenAIServer, as_json
from support.wires import Said

pytestmark = pytest.mark.anyio

SCHEMA = {"type": "object", "properties": {"marked": {"type": "integer"}}, "required": ["marked"], "additionalProperties": False}
IMAGE = ModelMessage(role="user", parts=(TextPart(text="What is it?"), ImagePart(media_type="image/png", data="aW1hZ2U=")))

ASKED: dict[str, tuple[dict[str, Any], str]] = {
    "stop": ({"stop": ("HALT",)}, "HALT"),
    "seed": ({"seed": 424242}, "424242"),
    "top_p": ({"top_p": 0.625}, "0.625"),
    "service_tier": ({"service_tier": "tier-of-ours"}, "tier-of-ours"),
    "reasoning_effort": ({"reasoning_effort": "high"}, "high"),
    "prompt_cache_key": ({"prompt_cache": PromptCache(key="farm-77")}, "farm-77"),
    "images": ({"messages": (IMAGE,)}, "aW1hZ2U="),
    "tools": ({"tools": (WEATHER,)}, "Tells the weather."),
    "parallel_tool_calls": ({"tools": (WEATHER,), "parallel_tool_calls": False}, "parallel_tool"),
}
"""By capability: how it is asked for, and what shows in a body that it was."""


@pytest.fixture
async def client(case: Case, server: OpenAIServer) -> AsyncIterator[LLMClient]:
    """A client of the case that tries once."""
    async with case.client(server) as client:
        yield client


async def body_of(case: Case, server: OpenAIServer, client: LLMClient, **changes: Any) -> str:
    """What is sent for a request, the server's answer being a plain one."""
    server.will(as_json(200, case.dialect.whole(HELLO)))
    await client.respond(a_request(**changes), CALL)
    return server.seen[-1].body.decode()


@pytest.mark.parametrize("name", ASKED)
async def test_what_is_asked_for_is_sent_or_told(case: Case, server: OpenAIServer, client: HttpClient, name: str) -> None:
    changes, mark = ASKED[name]
    server.will(as_json(200, case.dialect.whole(HELLO)))

    told: object = ""
    try:
        told = (await client.respond(a_request(**changes), CALL)).metadata.get("warnings", "")
    except LLMConfigurationError as error:
        told = error.context["config_key"]

    was_sent = any(mark.lower() in seen.body.decode().lower() for seen in server.seen)
    assert was_sent == getattr(client.capabilities, name)
    assert was_sent == (name not in str(told))


async def test_an_image_by_a_url_that_is_the_image_is_sent_as_one_with_data(case: Case, server: OpenAIServer, client: LLMClient) -> None:
    by_url = ImagePart(media_type="image/png", url="data:image/png;base64,aW1hZ2U=")

    bodies = [
        await body_of(case, server, client, messages=(replace(IMAGE, parts=(IMAGE.parts[0], image)),)) for image in (by_url, IMAGE.parts[1])
    ]

    assert case.provider == "acme" or bodies[0] == bodies[1]


async def test_a_schema_that_is_nested_too_deeply_is_refused(case: Case, server: OpenAIServer, client: LLMClient) -> None:
    deep = {"type": "object", "properties": nested(100_000)}

    with pytest.raises(LLMConfigurationError, match="the response_schema for model 'a-model' is nested deeper than 200 levels"):
        await client.respond(a_request(response_schema=deep), CALL)
    with pytest.raises(LLMConfigurationError):
        await client.respond(a_request(tools=(replace(WEATHER, parameters=nested(100_000)),)), CALL)

    assert server.seen == []


async def test_every_choice_of_tools_is_sent_in_words_of_its_own(case: Case, server: OpenAIServer, client: LLMClient) -> None:
    bodies = [
        await body_of(case, server, client, tools=(WEATHER,), tool_choice=choice) for choice in ("auto", "none", "required", "weather")
    ]

    assert len(set(bodies)) == 4


@pytest.mark.parametrize("model", ["ft:gpt-4o-2024-08-06:farm::x1", "farm/lora-7", "tunedModels/judge-1"])
async def test_the_name_of_a_model_of_ones_own_is_sent_untouched(case: Case, server: OpenAIServer, client: LLMClient, model: str) -> None:
    await body_of(case, server, client, model=model)

    (seen,) = server.seen
    named = unquote(seen.line) if case.wire == "google" else seen.json["model"]
    assert named == model or f"/{model}:generateContent " in named


async def test_all_system_messages_are_sent(case: Case, server: OpenAIServer, client: LLMClient) -> None:
    system = [text_message("system", text) for text in ("Be brief.", "Be kind.")]

    body = await body_of(case, server, client, messages=(*system, text_message("user", "Hi")))

    assert 0 <= body.index("Be brief.") < body.index("Be kind.")


async def test_a_schema_is_asked_for_by_the_wire_or_a_tool(case: Case, server: OpenAIServer, client: LLMClient) -> None:
    server.will(as_json(200, case.dialect.whole(Said(text='{"marked": 1}'))))

    response = await client.respond(a_request(response_schema=SCHEMA), CALL)

    assert response.text == '{"marked": 1}'
    assert "marked" in server.seen[0].body.decode()


@pytest.mark.parametrize(
    "cache",
    [
        PromptCache(key="farm-77"),
        PromptCache(ttl="1h"),
        PromptCache(after=("tools", "system", "messages"), ttl="1h"),
        PromptCache(key="farm-77", after=("system",)),
        PromptCache(key="farm-77", after=("messages",), ttl="1h"),
    ],
    ids=["key", "an hour", "every place, for an hour", "key and place", "all"],
)
async def test_the_beginning_of_a_prompt_is_kept_as_was_asked_or_it_is_told(
    case: Case, server: OpenAIServer, client: HttpClient, cache: PromptCache
) -> None:
    said: list[tuple[Role, str]] = [
        ("system", "Be brief."),
        ("system", "Be kind."),
        ("user", "Hi"),
        ("assistant", "Hello."),
        ("user", "So?"),
    ]
    messages = tuple(text_message(role, text) for role, text in said)
    asked = a_request(messages=messages, tools=(WEATHER, replace(WEATHER, name="tides")), prompt_cache=cache)
    server.will(case.answered(HELLO))

    response = await client.respond(asked, CALL)

    can, nothing = client.capabilities, PromptCache()
    wishes = {name for name in ("key", "after", "ttl") if getattr(cache, name)}
    able = {name for name in wishes if getattr(can, f"prompt_cache_{name}")}
    assert case.dialect.kept(server.seen[0].json) == replace(nothing, **{name: getattr(cache, name) for name in able})
    warnings = response.metadata.get("warnings", [])
    assert isinstance(warnings, list)
    assert {str(warning).split()[0] for warning in warnings} == {f"prompt_cache_{name}" for name in wishes - able}
