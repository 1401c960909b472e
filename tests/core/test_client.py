"""What all clients have in common, and the mock client of the contract."""

from dataclasses import replace

import pytest

from polaris_llm.core.call_context import CallContext
from polaris_llm.core.client import LLMClient, LocalClient, MockLLMClient, OpenAIClient
from polaris_llm.core.exceptions import LLMConfigurationError, LLMRateLimitError
from polaris_llm.core.inference import FinishReason, ModelRequest, ModelResponse
from polaris_llm.core.llm_client import FlatPort, PortClient
from polaris_llm.core.models import LLMConfiguration, LLMProvider, LLMRequest, LLMResponse, Message, MessageRole
from polaris_llm.core.parts import ModelMessage, ReasoningPart, TextPart, ToolResultPart, text_message
from polaris_llm.core.providers.mock import MockSchedule
from support.mock_scripts import shout
from support.model_requests import CALL, WEATHER, ScriptedModel, a_request, a_response

pytestmark = pytest.mark.anyio

TOOLS = [WEATHER.to_openai_format()]


def flat(**changes: object) -> LLMRequest:
    return replace(LLMRequest([Message(MessageRole.USER, "Hi")], "mock-model"), **changes)  # type: ignore[arg-type]  # any field's


def configuration(provider: LLMProvider, **changes: object) -> LLMConfiguration:
    settings = {"api_endpoint": "http://localhost:8000", "model_name": "a-model", **changes}
    return LLMConfiguration.model_validate({"provider": provider, **settings})


MOCK = configuration(LLMProvider.MOCK)


class TypedClient(LLMClient):
    """A client of our own shape."""

    async def respond(self, request: ModelRequest, call: CallContext = CALL) -> ModelResponse:
        """Says what it was asked."""
        return a_response(f"typed {request.messages[-1].text}")


class FlatOnlyClient(LLMClient):
    """A client as POLARIS writes them."""

    async def generate_response(self, request: LLMRequest) -> LLMResponse:
        """Says what it was asked."""
        return LLMResponse(f"flat {request.messages[-1].content}", request.model_name, {"total_tokens": 3})


async def test_a_client_that_implements_either_shape_has_both() -> None:
    for client, said in ((TypedClient(MOCK), "typed Hi"), (FlatOnlyClient(MOCK), "flat Hi")):
        assert (await client.respond(a_request("Hi"), CALL)).text == said
        assert (await client.generate_response(flat())).content == said


def test_a_client_that_implements_neither_is_refused() -> None:
    with pytest.raises(TypeError, match="implement respond"):
        type("Silent", (LLMClient,), {})

    with pytest.raises(TypeError, match="make an OpenAIClient"):
        LLMClient(MOCK)


async def test_a_stream_joins_to_the_text() -> None:
    client = PortClient(MOCK, ScriptedModel(a_response("  Two words,\nthen  more. ")))

    pieces = [piece async for piece in client.generate_stream(flat())]

    assert pieces == ["  Two ", "words,\n", "then  ", "more. "]


async def test_a_client_in_front_of_a_port_passes_request_and_place_on() -> None:
    port = ScriptedModel(a_response("Hello."))
    client = PortClient(MOCK, port)

    await client.respond(a_request("Hi"), CALL)
    response = await client.generate_response(flat(options={"seed": 7}))

    assert port.calls[0] is CALL
    assert port.asked[1].seed == 7
    assert response.content == "Hello."


async def test_a_request_keeps_its_id_in_the_answer() -> None:
    response = await MockLLMClient().generate_response(flat(request_id="mine"))

    assert response.request_id == "mine"


async def test_the_mocks_default_answers_come_in_turn() -> None:
    client = MockLLMClient()

    said = [(await client.generate_response(flat())).content for _ in range(4)]

    assert len(client.mock_responses) == 3
    assert said == [*client.mock_responses, client.mock_responses[0]]


async def test_the_mocks_figures_are_the_contracts() -> None:
    response = await MockLLMClient().generate_response(flat(model_name="other-model"))

    assert response.usage == {"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30}
    assert response.model_name == "other-model"
    assert response.metadata["mock"] is True
    assert response.function_calls == []


async def test_the_default_mock_calls_the_first_tool_once_and_then_answers() -> None:
    client = MockLLMClient()

    first = await client.generate_response(flat(tools=TOOLS))
    result = Message(MessageRole.TOOL, "grey", tool_call_id=first.function_calls[0].call_id)
    second = await client.generate_response(LLMRequest([result], "mock-model", tools=TOOLS))

    assert [(call.name, call.arguments) for call in first.function_calls] == [("weather", {"mock": "parameters"})]
    assert first.content in client.mock_responses
    assert second.function_calls == []


async def test_a_script_is_played_as_written() -> None:
    client = MockLLMClient()
    await client.generate_response(flat())

    client.set_mock_responses(["one", "two"])
    responses = [await client.generate_response(flat(tools=TOOLS)) for _ in range(3)]

    assert [response.content for response in responses] == ["one", "two", "one"]
    assert not any(response.function_calls for response in responses)
    assert client.response_index == 3


async def test_an_empty_script_says_nothing() -> None:
    client = MockLLMClient()
    client.set_mock_responses([])

    assert (await client.generate_response(flat())).content == ""


async def test_the_mocks_stream_is_words_each_with_a_space() -> None:
    client = MockLLMClient()
    client.set_mock_responses(["just  three words"])

    assert [piece async for piece in client.generate_stream(flat())] == ["just ", "three ", "words "]


async def test_the_mock_takes_a_script_and_a_schedule() -> None:
    client = MockLLMClient(
        configuration(LLMProvider.MOCK, max_retries=0), script=shout, schedule=MockSchedule(failure_rate=1.0, failures=("rate_limit",))
    )
    calm = MockLLMClient(script=shout)

    with pytest.raises(LLMRateLimitError):
        await client.generate_response(flat())

    assert (await calm.generate_response(flat())).content == "HI"


async def test_a_mocks_changes_do_not_reach_other_mocks() -> None:
    changed = MockLLMClient()
    changed.config.max_retries = 0
    changed.mock_responses.append("more")

    assert MockLLMClient().config.max_retries == 3
    assert len(MockLLMClient().mock_responses) == 3


async def test_a_subclass_may_change_the_answer_on_either_level() -> None:
    class Louder(MockLLMClient):
        async def generate_response(self, request: LLMRequest) -> LLMResponse:
            response = await super().generate_response(request)
            return replace(response, content=response.content.upper())

    client = Louder()
    client.set_mock_responses(["words"])

    assert (await client.generate_response(flat())).content == "WORDS"
    assert (await FlatPort(client).respond(a_request(), CALL)).text == "WORDS"


async def test_a_replaced_generate_response_is_what_a_flat_port_asks() -> None:
    async def replacement(request: LLMRequest) -> LLMResponse:
        return LLMResponse("replaced", request.model_name, {"total_tokens": 30}, finish_reason="other")

    client = MockLLMClient()
    client.generate_response = replacement  # type: ignore[method-assign]  # as POLARIS's tests do

    response = await FlatPort(client).respond(a_request(), CALL)

    assert (response.text, response.usage.total_tokens) == ("replaced", 30)
    assert (response.finish_reason, response.raw_finish_reason) == (FinishReason.STOP, "other")


async def test_a_flat_port_loses_nothing_on_the_way() -> None:
    thought = ReasoningPart(text="Hm.", signature="signed", provider_data={"anthropic": {"id": 1}})
    answer = a_response(parts=(thought, TextPart(text="Yes.")))
    port = ScriptedModel(answer)
    request = a_request(
        messages=(
            text_message("user", "Well?"),
            answer.as_message(),
            ModelMessage(role="tool", parts=(ToolResultPart(call_id="a", name="weather", content={"sky": 1}, is_error=True),)),
        ),
        tools=(WEATHER,),
        tool_choice="weather",
        seed=7,
    )

    response = await FlatPort(PortClient(MOCK, port)).respond(request, CALL)

    assert port.asked == [request]
    assert response == answer


@pytest.mark.parametrize("client", [OpenAIClient, LocalClient])
def test_a_client_refuses_another_providers_configuration(client: type[OpenAIClient] | type[LocalClient]) -> None:
    with pytest.raises(LLMConfigurationError, match="requires provider to be"):
        client(configuration(LLMProvider.ANTHROPIC, api_key="k"))


@pytest.mark.parametrize("key", [None, ""])
def test_openai_needs_a_key(key: str | None) -> None:
    with pytest.raises(LLMConfigurationError, match="api_key") as caught:
        OpenAIClient(configuration(LLMProvider.OPENAI, api_key=key))

    assert caught.value.context["config_key"] == "api_key"


def test_clients_are_made_without_an_event_loop() -> None:
    assert OpenAIClient(configuration(LLMProvider.OPENAI, api_key="k")).get_provider() is LLMProvider.OPENAI
    assert LocalClient(configuration(LLMProvider.LOCAL)).get_provider() is LLMProvider.LOCAL
    assert MockLLMClient().get_provider() is LLMProvider.MOCK
