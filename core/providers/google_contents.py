"""Google's Gemini: how the messages of a request are written. No I/O."""

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import assert_never

from pydantic import JsonValue

from ..exceptions import LLMConfigurationError
from ..inference import ModelRequest
from ..parts import ImagePart, ModelMessage, Part, ReasoningPart, TextPart, ToolCallPart, ToolResultPart
from .inline_images import inlined
from .kept_data import kept_of
from .wire_values import Wire

WIRE = "google"
"""The name of this wire format in a part's provider_data and in a request's extras."""
UNREADABLE = "part"
"""Under this name provider_data holds a part of the wire that no part of ours can say; it goes back as it came."""
NO_SIGNATURE = "skip_thought_signature_validator"
"""What stands for the signature of a call that no such model made: https://ai.google.dev/gemini-api/docs/thought-signatures."""

_Calls = Mapping[str, ToolCallPart]


def wire_contents(request: ModelRequest, *, signed: bool) -> list[Wire]:
    """The turns of user and model; when `signed`, the first call of each of the model's turns has a signature.

    Raises LLMConfigurationError when there is no turn.
    """
    calls = {call.call_id: call for message in request.messages for call in message.tool_calls}
    spoken = (message for message in request.messages if message.role != "system" and message.parts)
    contents = [_content(role, turn, calls, signed) for role, turn in groupby(spoken, _role)]
    if not contents:
        message = f"the request for model {request.model!r} has no message but the system's: Gemini needs one of the user"
        raise LLMConfigurationError(message, model_name=request.model)
    return contents


def system_instruction(messages: Iterable[ModelMessage]) -> Wire | None:
    """All system messages as the one that the wire has; None when they say nothing."""
    system = [message for message in messages if message.role == "system"]
    if any(not isinstance(part, TextPart) for message in system for part in message.parts):
        raise LLMConfigurationError("a system message for Gemini may hold text only: move the rest to a user's message")
    text = "\n\n".join(message.text for message in system if message.text)
    return {"role": "user", "parts": [{"text": text}]} if text else None


def _role(message: ModelMessage) -> str:
    return "model" if message.role == "assistant" else "user"


def _content(role: str, turn: Iterable[ModelMessage], calls: _Calls, signed: bool) -> Wire:
    parts = [_part(part, calls) for message in turn for part in message.parts]
    parts.sort(key=lambda part: "functionResponse" not in part)  # the results of a turn stand together
    first = next((part for part in parts if "functionCall" in part), None)
    if signed and first is not None:
        first.setdefault("thoughtSignature", NO_SIGNATURE)
    return {"role": role, "parts": parts}


def _part(part: Part, calls: _Calls) -> Wire:
    match part:
        case TextPart():
            kept = kept_of(part.provider_data, WIRE)
            whole = kept.get(UNREADABLE)
            return dict(whole) if isinstance(whole, dict) else {**kept, "text": part.text}
        case ReasoningPart():
            return {**kept_of(part.provider_data, WIRE), "text": part.text, "thought": True}
        case ToolCallPart():
            return _call(part)
        case ToolResultPart():
            return _result(part, calls.get(part.call_id))
        case ImagePart():
            return _image(part)
        case _:
            assert_never(part)


def _kept_of_call(kept: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    of_call = kept.get("functionCall")
    return dict(of_call) if isinstance(of_call, dict) else {}


def _call(part: ToolCallPart) -> Wire:
    kept = kept_of(part.provider_data, WIRE)
    arguments = part.arguments if part.malformed is None else {"malformed": part.malformed}
    return {**kept, "functionCall": {**_kept_of_call(kept), "name": part.name, "args": arguments}}


def _result(part: ToolResultPart, call: ToolCallPart | None) -> Wire:
    wire_id = _kept_of_call(kept_of(call.provider_data, WIRE)).get("id") if call else None
    response: JsonValue = {"error" if part.is_error else "output": part.content}
    if part.is_error and isinstance(part.content, dict) and "error" in part.content:
        response = part.content
    named: Wire = {"name": part.name or (call.name if call else ""), "response": response}
    return {"functionResponse": {"id": wire_id, **named} if wire_id else named}


def _image(part: ImagePart) -> Wire:
    part = inlined(part)
    if part.data is not None:
        return {"inlineData": {"mimeType": part.media_type, "data": part.data}}
    if not part.url:
        raise LLMConfigurationError(f"an image of type {part.media_type!r} has neither data nor url: give it one")
    return {"fileData": {"mimeType": part.media_type, "fileUri": part.url}}
