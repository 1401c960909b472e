"""The six components that POLARIS knows (clients, prompts, parser, tools, conversations, cache) and workflows of them; no network."""

import asyncio
import json
from typing import Any

import pytest

from polaris_llm.core.cache import LLMCache
from polaris_llm.core.client import LLMClient, MockLLMClient, OpenAIClient
from polaris_llm.core.conversation_manager import Message, MessageRole
from polaris_llm.core.exceptions import LLMAPIError, LLMConfigurationError, LLMIntegrationError, LLMRateLimitError, LLMResponseParsingError
from polaris_llm.core.models import AgenticConversation, LLMConfiguration, LLMProvider, LLMRequest, ToolCall
from polaris_llm.core.prompt_manager import PromptManager
from polaris_llm.core.prompt_templates import PromptTemplate
from polaris_llm.core.response_parser import ResponseParser
from polaris_llm.core.tool_registry import create_default_registry
from support.conversations import PATIENCE_S, ScriptedClient, a_manager, echo, says

pytestmark = pytest.mark.anyio


def ask(text: str = "How is the system?") -> LLMRequest:
    """A request of one question."""
    return LLMRequest([Message(MessageRole.USER, text)], "a-model")


def action(**fields: Any) -> str:
    """A JSON action as a model writes it."""
    return f"I have decided:\n```json\n{json.dumps(fields)}\n```"


def scripted(*texts: str) -> MockLLMClient:
    """A mock that plays these texts."""
    client = MockLLMClient()
    client.set_mock_responses(list(texts))
    return client


async def run(client: LLMClient, **facts: Any) -> AgenticConversation:
    """A new agentic conversation, run to its end."""
    manager = a_manager(client)
    conversation = manager.create_agentic_conversation("find out", **facts)
    return await asyncio.wait_for(manager.run_agentic_conversation(conversation.conversation_id), PATIENCE_S)


async def test_a_mock_answers_in_turn_and_says_what_it_used() -> None:
    first = ask()

    async with scripted("one", "two") as client:
        answers = [await client.generate_response(request) for request in (first, ask(), ask())]

    assert [answer.content for answer in answers] == ["one", "two", "one"]
    assert answers[0].usage == {"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30}
    assert (answers[0].request_id, answers[0].model_name, answers[0].metadata["mock"]) == (first.request_id, "a-model", True)


async def test_a_stream_gives_words_that_make_the_whole_text() -> None:
    pieces = [piece async for piece in scripted("all is well").generate_stream(ask())]

    assert pieces == ["all ", "is ", "well "]


@pytest.mark.parametrize("wrong", [{"api_endpoint": "ftp://models"}, {"model_name": ""}, {"temperature": 2.5}, {"timeout": 0}])
def test_a_wrong_configuration_is_refused(wrong: dict[str, Any]) -> None:
    right = {"api_endpoint": "http://localhost:8000", "model_name": "m"}

    assert LLMConfiguration.model_validate(right).provider is LLMProvider.OPENAI
    with pytest.raises(ValueError, match=next(iter(wrong))):
        LLMConfiguration.model_validate(right | wrong)


def test_a_client_without_its_key_or_of_another_provider_is_refused() -> None:
    config = LLMConfiguration(api_endpoint="https://api.openai.com/v1", model_name="gpt-4")

    with pytest.raises(LLMConfigurationError, match="api_key"):
        OpenAIClient(config)
    with pytest.raises(LLMConfigurationError, match="requires provider to be OPENAI"):
        OpenAIClient(config.model_copy(update={"provider": LLMProvider.MOCK, "api_key": "k"}))


def test_a_template_is_registered_rendered_and_listed() -> None:
    prompts = PromptManager()
    prompts.register_template(PromptTemplate("plan", 'Plan for {system}: {{"steps": []}}', ["system"]))

    assert prompts.render_template("plan", system="web") == 'Plan for web: {"steps": []}'
    assert {"plan", "system_reasoning", "world_model_update"} <= set(prompts.list_templates())


@pytest.mark.parametrize(("name", "key"), [("missing", "template_name"), ("agentic_reasoning", "template_variables")])
def test_a_missing_template_or_variable_is_named(name: str, key: str) -> None:
    with pytest.raises(LLMConfigurationError) as caught:
        PromptManager().render_template(name)

    assert caught.value.context["config_key"] == key


@pytest.mark.parametrize("text", ["%s", "Here: %s, you see", "Here:\n```json\n%s\n```"])
def test_json_is_found_whole_wherever_it_stands(text: str) -> None:
    found = ResponseParser().function_parser.extract_json_from_text(text % '{"a": {"b": {"c": 1}}}')

    assert found == {"a": {"b": {"c": 1}}}


@pytest.mark.parametrize("text", ["no JSON at all", '{"analysis": 1, "recommendations": []}'])
def test_an_answer_that_breaks_its_schema_is_told_and_raises_only_where_data_is_extracted(text: str) -> None:
    parser = ResponseParser()

    parsed = parser.parse_reasoning_response(says(text))

    assert (parsed["validation_passed"], bool(parsed["validation_error"])) == (False, True)
    with pytest.raises(LLMResponseParsingError):
        parser.extract_structured_data(says(text), "reasoning_result")


@pytest.mark.parametrize(
    ("name", "parameters", "reason"),
    [
        ("calculator", {"operation": "divide", "a": 1, "b": 0}, "Division by zero"),
        ("calculator", {"operation": "add", "a": "1", "b": 2}, "$.a"),
        ("echo", {}, "Missing required parameter: message"),
        ("nothing", {}, "Tool not found: nothing"),
    ],
)
async def test_a_failure_of_a_tool_is_a_result_that_says_why(name: str, parameters: dict[str, Any], reason: str) -> None:
    result = await create_default_registry().execute_tool(name, parameters)

    assert (result.success, result.result, result.call_id) == (False, {}, "unknown")
    assert reason in str(result.error_message)


@pytest.mark.parametrize("parallel", [True, False])
async def test_several_calls_are_answered_in_their_order_and_counted(parallel: bool) -> None:
    registry = create_default_registry()
    calls = [ToolCall("calculator", {"operation": "multiply", "a": n, "b": 2}) for n in range(3)]

    results = await registry.execute_multiple_tools(calls, parallel=parallel)

    assert [(result.call_id, result.result["result"]) for result in results] == [(call.call_id, 2 * n) for n, call in enumerate(calls)]
    assert registry.get_tool_statistics()["calculator"]["successful_calls"] == 3


def test_an_equal_request_is_answered_from_the_cache_and_counted() -> None:
    cache = LLMCache()
    cache.cache_llm_response(ask(), says("kept"))

    kept, other = cache.get_llm_response(ask()), cache.get_llm_response(ask("Something else?"))

    assert (kept and kept.content, other) == ("kept", None)
    assert cache.get_statistics()["llm_cache"] == {"size": 1, "hits": 1, "misses": 1, "hit_rate": 0.5}


async def test_a_conversation_grows_in_place_and_the_model_sees_its_history() -> None:
    client = ScriptedClient(says("Hello."), says("Well."))
    manager = a_manager(client)
    conversation = manager.create_conversation()

    await manager.send_message(conversation.conversation_id, "Hi")
    answer = await manager.send_message(conversation.conversation_id, "How is it?")

    assert answer is conversation.get_last_message(MessageRole.ASSISTANT)
    assert [message.content for message in conversation.messages] == ["Hi", "Hello.", "How is it?", "Well."]
    assert client.contents == [["Hi"], ["Hi", "Hello.", "How is it?"]]


async def test_a_providers_error_is_an_answer_that_later_questions_do_not_carry() -> None:
    client = ScriptedClient(LLMAPIError("the server is down", 503), says("Back."))
    manager = a_manager(client)
    conversation = manager.create_conversation()

    failed = await manager.send_message(conversation.conversation_id, "Hi")
    await manager.send_message(conversation.conversation_id, "Again")

    assert failed is not None
    assert (failed.metadata["error"], failed.metadata["error_message"]) == (True, "the server is down")
    assert failed.content not in client.contents[1]


async def test_unknown_conversations_are_errors_of_the_package() -> None:
    manager = a_manager()

    with pytest.raises(LLMIntegrationError, match="nobody"):
        await manager.send_message("nobody", "Hi")
    with pytest.raises(LLMIntegrationError, match="nobody"):
        await manager.run_agentic_conversation("nobody")
    assert manager.delete_conversation("nobody") is False


async def test_an_agent_uses_tools_by_json_actions_until_it_has_an_answer() -> None:
    use = action(action="use_tool", tool_name="calculator", parameters={"operation": "add", "a": 2, "b": 3})

    ended = await run(scripted(use, action(action="final_answer", result={"sum": 5})))

    assert (ended.is_complete, ended.current_iteration, ended.final_result) == (True, 2, {"sum": 5})
    assert [(call.tool_name, call.status, (call.result or {})["result"]) for call in ended.tool_calls] == [("calculator", "success", 5)]


async def test_every_native_call_is_answered_under_its_own_id() -> None:
    client = ScriptedClient(says("", echo("one", "a"), echo("two", "b")), says("done"))

    ended = await run(client)

    answers = [message for message in client.asked[1].messages if message.role is MessageRole.TOOL]
    assert [(message.tool_call_id, json.loads(message.content)["echoed_message"]) for message in answers] == [("a", "one"), ("b", "two")]
    assert ended.final_result is not None


async def test_a_tool_that_was_not_allowed_is_not_run() -> None:
    use = action(action="use_tool", tool_name="echo", parameters={"message": "hi"})

    ended = await run(scripted(use, "Well."), available_tools=["calculator"])

    assert [(call.tool_name, call.status, call.result) for call in ended.tool_calls] == [("echo", "failed", None)]


async def test_a_model_that_never_ends_is_stopped_at_the_limit_and_told_apart_from_one_that_answered() -> None:
    use = action(action="use_tool", tool_name="echo", parameters={"message": "again"})

    ended = await run(scripted(use), max_iterations=3)

    assert (ended.is_complete, ended.current_iteration) == (True, 3)
    assert ended.final_result["status"] == "max_iterations"


async def test_a_providers_error_ends_the_run_and_is_its_result() -> None:
    ended = await run(ScriptedClient(LLMRateLimitError("slow down", 9.0)))

    error = ended.final_result["error"]
    assert (ended.is_complete, error["type"], error["context"]["retry_after"]) == (True, "LLMRateLimitError", 9.0)


async def test_equal_questions_of_two_conversations_are_asked_once_with_a_cache() -> None:
    client = ScriptedClient(says("Well."))
    manager = a_manager(client, cache=LLMCache())

    for _ in range(2):
        await manager.send_message(manager.create_conversation().conversation_id, "How is it?")

    assert len(client.asked) == 1


async def test_a_rendered_prompt_goes_to_a_model_and_comes_back_as_recommendations() -> None:
    facts = {"system_id": "web", "current_metrics": {"cpu": 95}, "health_status": "bad", "available_actions": ["ADD_SERVER"]}
    message = PromptManager().create_system_message("system_reasoning", **facts)
    client = scripted('{"analysis": "overload", "recommendations": [{"action_type": "ADD_SERVER"}]}')

    response = await client.generate_response(LLMRequest([message], "a-model"))

    found = ResponseParser().extract_structured_data(response, "reasoning_result", ["recommendations"])
    assert found["recommendations"] == [{"action_type": "ADD_SERVER"}]
