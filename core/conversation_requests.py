"""What conversations ask: the request of a plain one, and the run of an agentic one, with the client's own settings."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from .conversation_ports import configuration
from .conversations import MAX_MESSAGES, Conversation, trimmed
from .exceptions import ErrorRecord, LLMConfigurationError
from .flat import flat_message, typed_messages
from .inference import ModelRequest, ModelResponse
from .llm_client import LLMClient
from .models import AgenticConversation, Message, MessageRole
from .parts import ModelMessage, ToolCallPart
from .prompt_manager import PromptManager
from .prompt_origins import with_origins
from .runs import RunLimits, RunSpec
from .tool_schema import ToolSchema
from .usage import Usage

_CRITERIA = Draft202012Validator.VALIDATORS.keys() | {"$defs", "title", "description"}


def chat_request(conversation: Conversation, question: Message, client: LLMClient) -> ModelRequest:
    """What was said so far and the question, without the tellings of earlier errors."""
    kept = trimmed([*conversation.messages, question], conversation.max_messages)
    said = [message for message in kept if not message.metadata.get("error")]
    request = ModelRequest(model="", messages=typed_messages(said), metadata=with_origins({}, said))
    if (config := configuration(client)) is None:
        return request
    return replace(request, model=config.model_name, max_tokens=config.max_tokens, temperature=config.temperature)


def answer_message(response: ModelResponse) -> Message:
    """The answer as the conversation keeps it; calls of tools that nobody offered are left out."""
    parts = tuple(part for part in response.parts if not isinstance(part, ToolCallPart))
    message = flat_message(ModelMessage(role="assistant", parts=parts))
    message.metadata.update(
        model=response.model,
        finish_reason=response.finish_reason.value,
        total_tokens=response.usage.total_tokens,
        cached=response.cached,
        response_id=response.response_id,
    )
    return message


def error_message(error: Exception) -> Message:
    """What the conversation keeps in the place of an answer; it is never sent."""
    record = ErrorRecord.of(error)
    told = record.message or record.type
    facts = {"error": True, "error_message": told, "error_type": record.type, "error_code": record.code, "error_context": record.context}
    if (usage := Usage.of(record.context)) is not None:
        facts["total_tokens"] = usage.total_tokens
    return Message(MessageRole.ASSISTANT, f"There is no answer: {told}", metadata=facts)


def objective_message(conversation: AgenticConversation, initial_message: str | None) -> Message | None:
    """What a run adds to the conversation to begin with; None where its last message still waits for an answer."""
    messages = conversation.messages
    if initial_message is None and messages and messages[-1].role is MessageRole.USER:
        return None
    objective = initial_message or conversation.context.get("objective")
    if not objective:
        message = (
            f"agentic conversation {conversation.conversation_id!r} has nothing to do: pass an initial_message, or set context['objective']"
        )
        raise LLMConfigurationError(message, config_key="objective")
    return Message(MessageRole.USER, str(objective))


def system_message(
    objective: str,
    tools: Sequence[str],
    context: dict[str, Any],  # whatever the caller knows
    prompts: PromptManager | None,
) -> Message:
    """What tells a model of the objective, and of what is known: by the template `agentic_reasoning`, if there are prompts."""
    told = json.dumps(context, ensure_ascii=False, default=str) if context else ""
    if prompts is not None:
        values = {"reasoning_objective": objective, "available_tools": ", ".join(tools) or "none", "context": told or "nothing"}
        return prompts.create_system_message("agentic_reasoning", **values)
    known = f"\nWhat is known: {told}" if told else ""
    return Message(MessageRole.SYSTEM, f"You work towards this objective: {objective}\nUse tools where they help, then answer.{known}")


def agentic_run(conversation: AgenticConversation, tools: tuple[ToolSchema, ...], client: LLMClient, limits: RunLimits) -> RunSpec:
    """The run that the conversation's last message asks for. Its context names the tools it may use and its criteria."""
    config, context = configuration(client), conversation.context
    allowed = context.get("available_tools")
    system = [message.content for message in conversation.messages if message.role is MessageRole.SYSTEM]
    return RunSpec(
        objective=conversation.messages[-1].content,
        system="\n\n".join(system) or None,
        model=config.model_name if config else None,
        tools=tools if allowed is None else tuple(tool for tool in tools if tool.name in allowed),
        protocol="json" if config and not config.enable_function_calling else "either",
        result_schema=_result_schema(context.get("completion_criteria") or {}),
        temperature=config.temperature if config else None,
        max_output_tokens=config.max_tokens if config else None,
        context=context,
        limits=limits,
        metadata=with_origins({}, trimmed(conversation.messages, MAX_MESSAGES)),
    )


def _result_schema(criteria: dict[str, Any]) -> dict[str, Any] | None:  # a JSON schema
    if not criteria:
        return None
    problem = ", ".join(sorted(criteria.keys() - _CRITERIA))
    if not problem:
        try:
            Draft202012Validator.check_schema(criteria)
        except SchemaError as error:
            problem = f"{error.json_path}: {error.message}"
    if problem:
        message = f"completion_criteria are no JSON schema of the result: {problem}; give keywords such as required and properties"
        raise LLMConfigurationError(message, config_key="completion_criteria", config_value=criteria)
    return {"type": "object", **criteria}
