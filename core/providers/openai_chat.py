"""OpenAI's chat completions, as OpenAI and every compatible server speak them: how a request is written. No I/O.

Source: https://platform.openai.com/docs/api-reference/chat/create. `openai_chat_reply.py` and `openai_chat_stream.py` read the answers.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar
from urllib.parse import urlsplit

from pydantic import JsonValue

from ..inference import ModelRequest, ModelResponse
from ..parts import ImagePart, ModelMessage, Part, ReasoningPart, TextPart, ToolCallPart, ToolResultPart
from .exchange import HttpCall, HttpReply
from .extras import wire_extras, with_extras
from .json_call import for_stream, json_call
from .kept_data import kept_of
from .openai_chat_reply import CUSTOM, REASONING_FIELD, WIRE, read_reply
from .openai_chat_stream import ChatStreamDecoder
from .openai_models import temperature
from .openai_shared import (
    OPENAI_URL,
    bearer,
    call_arguments,
    image_url,
    openai_url,
    prompt_cache,
    result_text,
    tool_parameters,
)
from .openai_strict import is_strict
from .wire_codec import WireCodec
from .wire_values import Wire, without_nones


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAIChatCodec(WireCodec):
    """Chat completions at `base_url`; a bare host gets the usual path /v1."""

    wire: ClassVar[str] = WIRE
    provider: str = "openai"
    base_url: str = OPENAI_URL
    official: bool | None = None
    """Whether the models are OpenAI's own, which take newer names and no reasoning back; None tells by the host."""

    def encode(self, request: ModelRequest) -> HttpCall:
        """The call that asks what `request` asks; raises LLMConfigurationError for what JSON cannot carry."""
        return self._call(request, self._payload(request))

    def encode_stream(self, request: ModelRequest) -> HttpCall:
        """The call that asks for the same as a stream; an extra of `stream_options: None` is for servers that refuse them."""
        payload = self._payload(request, stream_options={"include_usage": True}) | {"stream": True}
        return for_stream(self._call(request, payload))

    def decode(self, call: HttpCall, reply: HttpReply) -> ModelResponse:
        """The answer in a reply of status 2xx; raises LLMResponseParsingError, or LLMAPIError for an error in disguise."""
        return read_reply(call, reply, keep_raw=self.keep_raw)

    def stream_decoder(self, call: HttpCall, head: HttpReply) -> ChatStreamDecoder:
        """What reads the stream that a reply of status 2xx brings."""
        return ChatStreamDecoder(call, head, keep_raw=self.keep_raw)

    def _call(self, request: ModelRequest, payload: Wire) -> HttpCall:
        return json_call(self, request, completions_url(self.base_url), payload, bearer(self.api_key))

    def _payload(self, request: ModelRequest, **further: JsonValue) -> Wire:
        official = _is_official(self.base_url) if self.official is None else self.official
        payload: Wire = {
            "model": request.model,
            "messages": wire_messages(request.messages, reasoning=not official),
            # OpenAI's newer models refuse max_tokens; compatible servers may not know its successor
            "max_completion_tokens" if official else "max_tokens": request.max_tokens,
            "temperature": temperature(request, self.base_model(request.model)) if official else request.temperature,
            **_optional(request),
            **tool_parameters(request, [tool.to_openai_format() for tool in request.tools], _named(request.tool_choice)),
            **further,
        }
        return with_extras(without_nones(payload), wire_extras(request, self.wire))


def completions_url(base_url: str) -> str:
    """Where chat completions are asked for, from an endpoint as people write it."""
    return openai_url(base_url, "/chat/completions")


@lru_cache
def _is_official(base_url: str) -> bool:
    host = urlsplit(base_url).hostname or ""
    return host == "openai.com" or host.endswith((".openai.com", ".azure.com"))


def _optional(request: ModelRequest) -> Wire:
    optional: Wire = {"top_p": request.top_p, "seed": request.seed, "reasoning_effort": request.reasoning_effort}
    optional |= {"stop": list(request.stop) or None, "service_tier": request.service_tier}
    if request.response_schema is not None:
        schema = {"name": "answer", "schema": request.response_schema, "strict": is_strict(request.response_schema)}
        optional["response_format"] = {"type": "json_schema", "json_schema": schema}
    return optional | prompt_cache(request.prompt_cache)


def _named(tool: str) -> Wire:
    return {"type": "function", "function": {"name": tool}}


def wire_messages(messages: Iterable[ModelMessage], *, reasoning: bool) -> list[Wire]:
    """The messages as the wire has them: one per tool result, and what else a tool showed after the last of them."""
    wire: list[Wire] = []
    shown: list[Wire] = []
    for message in messages:
        if message.role != "tool":
            wire += shown
            shown = []
        results = [part for part in message.parts if isinstance(part, ToolResultPart)]
        rest = [part for part in message.parts if not isinstance(part, ToolResultPart)] if results else message.parts
        wire += map(_result, results)
        if message.role == "tool":
            shown += [_message("user", rest, reasoning)] if rest else []
        elif rest or not message.parts:
            wire.append(_message(message.role, rest, reasoning))
    return wire + shown


def _message(role: str, parts: Sequence[Part], reasoning: bool) -> Wire:
    if len(parts) == 1 and isinstance(parts[0], TextPart):  # nearly all messages are such
        return {"role": role, "content": parts[0].text}
    calls = [_call(part) for part in parts if isinstance(part, ToolCallPart)]
    thoughts = [part for part in parts if isinstance(part, ReasoningPart)]
    wire: Wire = {"role": role, "content": _content(parts)}
    if reasoning:
        wire.update(_thoughts(thoughts))
    if calls:
        wire["content"] = wire["content"] or None
        wire["tool_calls"] = calls
    return wire


def _content(parts: Sequence[Part]) -> str | list[Wire]:
    shown = [part for part in parts if isinstance(part, TextPart | ImagePart)]
    if any(isinstance(part, ImagePart) for part in shown):
        return [_block(part) for part in shown]
    return "".join(part.text for part in shown if isinstance(part, TextPart))


def _block(part: TextPart | ImagePart) -> Wire:
    if isinstance(part, TextPart):
        return {"type": "text", "text": part.text}
    return {"type": "image_url", "image_url": {"url": image_url(part)}}


def _call(part: ToolCallPart) -> Wire:
    kept = kept_of(part.provider_data, WIRE)
    if kept.get("type") == CUSTOM:
        written = json.dumps(part.arguments, ensure_ascii=False) if part.arguments else ""
        return {**kept, "id": part.call_id, CUSTOM: {"name": part.name, "input": written if part.malformed is None else part.malformed}}
    function = {"name": part.name, "arguments": call_arguments(part)}
    return {**kept, "id": part.call_id, "type": "function", "function": function}


def _thoughts(parts: Sequence[ReasoningPart]) -> Wire:
    wire: Wire = {}
    for part in parts:
        kept = kept_of(part.provider_data, WIRE)
        name = str(kept.pop("field", REASONING_FIELD))
        wire[name] = wire.get(name, "") + part.text
        wire.update(kept)
    return wire


def _result(part: ToolResultPart) -> Wire:
    return {"role": "tool", "tool_call_id": part.call_id, "content": result_text(part)}
