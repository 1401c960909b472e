"""Requests for Gemini, generated; and how the official SDK asks the same."""

import base64
from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Any

from google.genai import types
from hypothesis import strategies as st

from polaris_llm.core.inference import ModelRequest
from polaris_llm.core.parts import ImagePart, ModelMessage, Part, ReasoningPart, Role, TextPart, ToolCallPart, ToolResultPart
from polaris_llm.core.tool_schema import ToolSchema

from .model_strategies import FIELDS, JSON_OBJECTS, JSON_VALUES, NAMES, TEXTS

SIGNATURES = st.binary(min_size=1, max_size=8).map(lambda raw: base64.urlsafe_b64encode(raw).decode())
SIGNED = st.none() | SIGNATURES.map(lambda signature: {"google": {"thoughtSignature": signature}})
IDENTIFIED = st.none() | st.builds(
    lambda call_id, signature: {"google": {"functionCall": {"id": call_id}} | signature},
    NAMES,
    st.just({}) | SIGNATURES.map(lambda signature: {"thoughtSignature": signature}),
)
IMAGES = st.builds(ImagePart, media_type=st.just("image/png"), data=st.just("QUJD")) | st.builds(
    ImagePart, media_type=st.just("image/png"), url=NAMES.map("https://example.org/{}".format)
)
RESULTS = st.builds(ToolResultPart, call_id=NAMES, name=NAMES, content=JSON_VALUES, is_error=st.booleans())
THOUGHTS = st.builds(ReasoningPart, text=TEXTS, provider_data=SIGNED)
WORDS = st.builds(TextPart, text=TEXTS, provider_data=SIGNED)
CALLS = st.builds(ToolCallPart, call_id=NAMES, name=NAMES, arguments=JSON_OBJECTS, provider_data=IDENTIFIED)


def _messages(role: Role, parts: st.SearchStrategy[Part]) -> st.SearchStrategy[ModelMessage]:
    return st.builds(ModelMessage, role=st.just(role), parts=st.lists(parts, max_size=3).map(tuple))


MESSAGES = (
    _messages("system", WORDS)
    | _messages("user", WORDS | IMAGES)
    | _messages("assistant", WORDS | THOUGHTS | CALLS)
    | _messages("tool", RESULTS | IMAGES)
)
CONVERSATIONS = st.builds(
    lambda before, question, after: (*before, question, *after),
    st.lists(MESSAGES, max_size=3),
    st.builds(ModelMessage, role=st.just("user"), parts=st.builds(TextPart, text=TEXTS).map(lambda part: (part,))),
    st.lists(MESSAGES, max_size=3),
)
SCHEMAS = st.sampled_from(
    [
        {"type": "string", "description": "A city."},
        {"type": "array", "items": {"type": "integer", "minimum": 1}, "maxItems": 3},
        {"anyOf": [{"type": "number"}, {"type": "null"}]},
        {"type": "object", "properties": {"a": {"type": "string", "enum": ["x", "y"]}}, "additionalProperties": False},
    ]
)
TOOLS = st.builds(
    ToolSchema,
    name=NAMES,
    description=TEXTS,
    parameters=st.dictionaries(NAMES, SCHEMAS, max_size=2),
    required=st.lists(NAMES, max_size=2),
    closed=st.booleans(),
)
REQUESTS = st.builds(
    ModelRequest,
    **FIELDS
    | {
        "model": NAMES | st.sampled_from(["gemini-2.5-flash", "gemini-3-pro", "models/gemini-2.0-flash", "tunedModels/tuned-1"]),
        "messages": CONVERSATIONS,
        "tools": st.lists(TOOLS, max_size=2).map(tuple),
        "parallel_tool_calls": st.sampled_from([None, True]),
        "service_tier": st.none() | st.sampled_from(["flex", "priority"]),
        "response_schema": st.none() | SCHEMAS,
        "extras": st.sampled_from([{}, {"openai_chat": {"top_k": 5}}, {"google": {"generationConfig": {"topK": 5}}}]),
    },
)
"""Requests that Gemini's wire can carry."""


def sdk_call(request: ModelRequest) -> dict[str, Any]:
    """The keywords that ask the same of the SDK's `generate_content`."""
    system = [message.text for message in request.messages if message.role == "system" and message.text]
    config = types.GenerateContentConfig(
        system_instruction="\n\n".join(system) or None,
        max_output_tokens=request.max_tokens,
        temperature=request.temperature,
        top_p=request.top_p,
        top_k=5 if "google" in request.extras else None,
        stop_sequences=list(request.stop) or None,
        seed=request.seed,
        thinking_config=_thinking(request),
        response_mime_type=None if request.response_schema is None else "application/json",
        response_json_schema=request.response_schema,
        service_tier=types.ServiceTier(request.service_tier) if request.service_tier else None,
        tools=[types.Tool(function_declarations=list(map(_declaration, request.tools)))] if request.tools else None,
        tool_config=_tool_config(request),
    )
    return {"model": request.model, "contents": list(_contents(request)), "config": config}


def _thinking(request: ModelRequest) -> types.ThinkingConfig | None:
    if request.reasoning_effort is None:
        return None
    if "gemini-2" in request.model:
        return types.ThinkingConfig(thinking_budget={"low": 1024, "high": 24576}[request.reasoning_effort])
    return types.ThinkingConfig(thinking_level=types.ThinkingLevel(request.reasoning_effort))


def _declaration(tool: ToolSchema) -> types.FunctionDeclaration:
    schema = tool.json_schema() if tool.parameters else None
    return types.FunctionDeclaration(name=tool.name, description=tool.description, parameters_json_schema=schema)


def _tool_config(request: ModelRequest) -> types.ToolConfig | None:
    if not request.tools or request.tool_choice == "auto":
        return None
    mode = types.FunctionCallingConfigMode.NONE if request.tool_choice == "none" else types.FunctionCallingConfigMode.ANY
    names = None if request.tool_choice in ("none", "required") else [request.tool_choice]
    return types.ToolConfig(function_calling_config=types.FunctionCallingConfig(mode=mode, allowed_function_names=names))


def _contents(request: ModelRequest) -> Iterator[types.Content]:
    said = [message for message in request.messages if message.role != "system" and message.parts]
    for role, turn in groupby(said, lambda message: "model" if message.role == "assistant" else "user"):
        parts = [_sdk_part(part, request) for message in turn for part in message.parts]
        answers = [part for part in parts if part.function_response is not None]
        parts = answers + [part for part in parts if part.function_response is None]
        calls = [part for part in parts if part.function_call is not None]
        if "gemini-3" in request.model and calls and calls[0].thought_signature is None:
            calls[0].thought_signature = base64.urlsafe_b64decode(b"skip_thought_signature_validator")
        yield types.Content(role=role, parts=parts)


def _sdk_part(part: Part, request: ModelRequest) -> types.Part:
    kept = _kept(part)
    signature = base64.urlsafe_b64decode(kept["thoughtSignature"]) if "thoughtSignature" in kept else None
    match part:
        case TextPart():
            return types.Part(text=part.text, thought_signature=signature)
        case ReasoningPart():
            return types.Part(text=part.text, thought=True, thought_signature=signature)
        case ToolCallPart():
            wire_id = kept.get("functionCall", {}).get("id")
            return types.Part(
                function_call=types.FunctionCall(id=wire_id, name=part.name, args=part.arguments), thought_signature=signature
            )
        case ToolResultPart():
            return types.Part(function_response=_sdk_result(part, request))
        case ImagePart(data=str(data)):
            return types.Part(inline_data=types.Blob(data=base64.b64decode(data), mime_type=part.media_type))
        case ImagePart():
            return types.Part(file_data=types.FileData(file_uri=part.url, mime_type=part.media_type))


def _kept(part: Part) -> Any:  # JSON
    data = None if isinstance(part, ToolResultPart | ImagePart) else part.provider_data
    return (data or {}).get("google", {})


def _sdk_result(part: ToolResultPart, request: ModelRequest) -> types.FunctionResponse:
    calls = [call for message in request.messages for call in message.tool_calls if call.call_id == part.call_id]
    wire_id = _kept(calls[-1]).get("functionCall", {}).get("id") if calls else None
    whole = part.is_error and isinstance(part.content, dict) and "error" in part.content
    response: Any = part.content if whole else {"error" if part.is_error else "output": part.content}
    return types.FunctionResponse(id=wire_id, name=part.name, response=response)


def as_sdk_reads(body: dict[str, Any]) -> dict[str, Any]:
    """A request's body in the SDK's types, which know no other fields: they spell names and signatures in two ways."""
    readers: dict[str, Callable[[Any], Any]] = {
        "contents": lambda contents: [types.Content.model_validate(content) for content in contents],
        "systemInstruction": types.Content.model_validate,
        "tools": lambda tools: [types.Tool.model_validate(tool) for tool in tools],
        "toolConfig": types.ToolConfig.model_validate,
        "serviceTier": types.ServiceTier,
        "generationConfig": types.GenerateContentConfig.model_validate,
    }
    return {name: readers[name](value) for name, value in body.items()}
