"""Flows and the agentic conversations that they begin."""

import pickle
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from polaris_llm.core.exceptions import LLMConfigurationError
from polaris_llm.core.flows import ConversationFlow
from polaris_llm.core.models import AgenticConversation, Message, MessageRole, ToolCall
from polaris_llm.core.prompt_manager import PromptManager
from polaris_llm.core.prompt_templates import PromptTemplate


def started(flow: ConversationFlow, context: dict[str, object] | None = None, /, **variables: object) -> AgenticConversation:
    manager = PromptManager()
    manager.register_flow(flow)
    return manager.start_agentic_conversation(flow.flow_id, context or {}, **variables)


def texts(conversation: AgenticConversation) -> list[tuple[MessageRole, str]]:
    return [(message.role, message.content) for message in conversation.messages]


def test_conversation_begins_with_the_prompts_and_the_limits_of_its_flow() -> None:
    flow = ConversationFlow("f", "F", "d", "Look at {system}", "Use {available_tools}", ["echo", "calculator"], 4, {"required": ["cause"]})

    conversation = started(flow, {"system": "farm"})

    assert texts(conversation) == [(MessageRole.SYSTEM, "Use echo, calculator"), (MessageRole.USER, "Look at farm")]
    assert conversation.max_iterations == 4
    assert conversation.context == {
        "system": "farm",
        "flow_id": "f",
        "available_tools": ["echo", "calculator"],
        "completion_criteria": {"required": ["cause"]},
    }


def test_flow_without_system_prompt_and_tools_asks_for_none() -> None:
    conversation = started(ConversationFlow("f", "F", "d", "Go with {available_tools}"))

    assert texts(conversation) == [(MessageRole.USER, "Go with all that are registered")]
    assert "available_tools" not in conversation.context


def test_prompts_may_be_templates_by_name() -> None:
    conversation = started(
        ConversationFlow("f", "F", "d", "what_if", "agentic_reasoning"), {"system_id": "farm"}, action="x", reasoning_objective="o"
    )

    system, user = conversation.messages
    assert system.content.startswith("Objective: o\n\nTools: all that are registered\nWhat is known: {'system_id': 'farm'}")
    assert "farm did this now: x" in user.content
    for message, name in ((system, "agentic_reasoning"), (user, "what_if")):
        template = PromptManager().get_template(name)
        assert message.metadata == {"flow_id": "f", "template": name, "template_version": "1.0", "template_hash": template.text_hash}


def test_variables_win_over_context_where_both_have_a_name() -> None:
    conversation = started(ConversationFlow("f", "F", "d", "{name} {context}"), {"name": "old"}, name="new")

    assert texts(conversation) == [(MessageRole.USER, "new {'name': 'old'}")]
    assert conversation.context["name"] == "old"


def test_context_may_have_the_names_of_parameters() -> None:
    context: dict[str, object] = {"flow_id": "theirs", "context": "shown", "self": "too"}

    conversation = started(ConversationFlow("f", "F", "d", "{flow_id} {context} {self}"), context)

    assert texts(conversation) == [(MessageRole.USER, "theirs shown too")]
    assert conversation.context["flow_id"] == "f"


def test_missing_variable_of_a_flow_is_named() -> None:
    with pytest.raises(LLMConfigurationError, match="template 'flow f' needs the variable 'gone'") as caught:
        started(ConversationFlow("f", "F", "d", "{gone}"))

    assert caught.value.context["config_key"] == "template_variables"


def test_values_in_a_flow_are_not_read_as_templates() -> None:
    conversation = started(ConversationFlow("f", "F", "d", "{x}"), {"x": "{y} {x.__class__} {{ 7 * 7 }}"})

    assert texts(conversation) == [(MessageRole.USER, "{y} {x.__class__} {{ 7 * 7 }}")]


def test_conversations_share_nothing_with_their_flow_or_context() -> None:
    context: dict[str, object] = {"b": 2}
    flow = ConversationFlow("f", "F", "d", "go", available_tools=["echo"], completion_criteria={"required": ["a"]})
    conversation = started(flow, context)

    conversation.context["available_tools"].append("calculator")
    conversation.context["completion_criteria"]["required"].clear()

    assert (flow.available_tools, flow.completion_criteria, context) == (["echo"], {"required": ["a"]}, {"b": 2})


@pytest.mark.parametrize(
    ("flow_id", "variables"),
    [
        ("diagnose", {"symptom": "slow answers"}),
        ("what_if", {"action": "ADD_SERVER"}),
        ("recommend", {"goal": "answers stay under 0.75 s"}),
    ],
)
def test_own_flows_can_be_started(flow_id: str, variables: dict[str, str]) -> None:
    conversation = PromptManager().start_agentic_conversation(flow_id, {"system_id": "farm-7"}, **variables)

    system, user = conversation.messages
    assert "'system_id': 'farm-7'" in system.content
    assert all(value in user.content for value in ("farm-7", *variables.values()))
    assert all(name in system.content for name in conversation.context["completion_criteria"]["required"])


def test_changed_flow_of_one_manager_is_not_that_of_another() -> None:
    PromptManager().get_flow("diagnose").max_iterations = 99

    assert PromptManager().get_flow("diagnose").max_iterations == 8


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def test_conversation_keeps_what_is_added() -> None:
    conversation, message, call = AgenticConversation(), Message(MessageRole.USER, "go"), ToolCall("echo", {})

    conversation.add_message(message)
    conversation.add_tool_call(call)
    conversation.add_reasoning_step("why")

    assert (conversation.messages, conversation.tool_calls, conversation.reasoning_trace) == ([message], [call], ["why"])


@pytest.mark.parametrize(
    "change",
    [
        lambda conversation: conversation.add_message(Message(MessageRole.USER, "go")),
        lambda conversation: conversation.add_tool_call(ToolCall("echo", {})),
        lambda conversation: conversation.add_reasoning_step("why"),
        lambda conversation: conversation.increment_iteration(),
        lambda conversation: conversation.complete({}),
    ],
    ids=["message", "tool call", "reasoning step", "iteration", "completion"],
)
def test_every_change_of_a_conversation_is_dated(change: Callable[[AgenticConversation], None]) -> None:
    conversation = AgenticConversation(updated_at=EPOCH)

    change(conversation)

    assert conversation.updated_at > EPOCH


def test_reaching_the_limit_completes_a_conversation() -> None:
    conversation = AgenticConversation(max_iterations=2)
    completed = []

    for _ in range(2):
        conversation.increment_iteration()
        completed.append(conversation.is_complete)

    assert completed == [False, True]
    assert (conversation.current_iteration, conversation.final_result) == (2, None)


def test_completed_conversation_has_its_result_and_stays_completed() -> None:
    conversation = AgenticConversation()

    conversation.complete({"action": "none"})
    conversation.increment_iteration()

    assert (conversation.is_complete, conversation.final_result) == (True, {"action": "none"})


def test_conversations_are_fresh_and_travel() -> None:
    first, second = AgenticConversation(), AgenticConversation()
    first.add_message(Message(MessageRole.USER, "go"))

    assert first.conversation_id != second.conversation_id
    assert second.messages == []
    assert pickle.loads(pickle.dumps(first)) == first


def test_templates_and_flows_travel() -> None:
    for value in (PromptTemplate("a", "{x}", ["x"]), ConversationFlow("f", "F", "d", "go")):
        assert pickle.loads(pickle.dumps(value)) == value
