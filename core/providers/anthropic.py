"""Anthropic's messages, as Anthropic and every compatible server speak them: how a request is written. No I/O.

Source: https://platform.claude.com/docs/en/api/messages. `anthropic_messages.py` writes the conversation, `anthropic_models.py` what
depends on the model; `anthropic_reply.py` and `anthropic_stream.py` read the answers.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar
from urllib.parse import urlsplit, urlunsplit

from ..exceptions import LLMAPIError, LLMConfigurationError
from ..inference import ModelRequest, ModelResponse, PromptCache
from .anthropic_errors import error_words
from .anthropic_messages import WIRE, last_markable, system_blocks, turns
from .anthropic_models import effort, sampling, thinking
from .anthropic_reply import read_reply
from .anthropic_schema import can_hold, output_schema
from .anthropic_stream import MessageStreamDecoder
from .api_errors import api_error
from .exchange import HttpCall, HttpReply
from .extras import wire_extras, with_extras
from .json_call import for_stream, json_call
from .wire_codec import WireCodec
from .wire_values import Wire, without_nones

ANTHROPIC_URL = "https://api.anthropic.com"
VERSION = "2023-06-01"
"""Of the API; its successor, 2026-10-21, differs for us in refusing sampling parameters to the old models that take them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnthropicCodec(WireCodec):
    """Messages at `base_url`, which may be given with or without /v1."""

    wire: ClassVar[str] = WIRE
    provider: str = "anthropic"
    base_url: str = ANTHROPIC_URL

    def encode(self, request: ModelRequest) -> HttpCall:
        """The call that asks what `request` asks; raises LLMConfigurationError for what the wire cannot carry."""
        return self._call(request, stream=False)

    def encode_stream(self, request: ModelRequest) -> HttpCall:
        """The call that asks for the same as a stream."""
        return for_stream(self._call(request, stream=True))

    def decode(self, call: HttpCall, reply: HttpReply) -> ModelResponse:
        """The answer in a reply of status 2xx; raises LLMResponseParsingError, or LLMAPIError for an error in disguise."""
        return read_reply(call, reply, keep_raw=self.keep_raw)

    def decode_error(self, call: HttpCall, reply: HttpReply) -> LLMAPIError:
        """The error that a reply of any other status means."""
        return api_error(call, reply, error_words)

    def stream_decoder(self, call: HttpCall, head: HttpReply) -> MessageStreamDecoder:
        """What reads the stream that a reply of status 2xx brings."""
        return MessageStreamDecoder(call, head, keep_raw=self.keep_raw)

    def _call(self, request: ModelRequest, *, stream: bool) -> HttpCall:
        extras = wire_extras(request, self.wire)
        headers = {"anthropic-version": VERSION, "x-api-key": self.api_key or None, **_beta_header(extras.pop("betas", None))}
        payload = with_extras(_payload(request, self.base_model(request.model)), extras) | ({"stream": True} if stream else {})
        return json_call(self, request, messages_url(self.base_url), payload, headers)


@lru_cache
def messages_url(base_url: str) -> str:
    """Where messages are asked for, from an endpoint as people write it."""
    parts = urlsplit(base_url.strip())
    path = parts.path.rstrip("/").removesuffix("/messages")
    versioned = path if re.search(r"/v\d+\w*$", path) else f"{path}/v1"
    return urlunsplit(parts._replace(path=f"{versioned}/messages", fragment=""))


def _payload(request: ModelRequest, base_model: str) -> Wire:
    payload: Wire = {
        "model": request.model,
        "max_tokens": request.max_tokens,
        "system": system_blocks(request.messages) or None,
        "messages": turns(request.messages),
        "tools": [tool.to_anthropic_format() for tool in request.tools] or None,
        "tool_choice": _tool_choice(request) if request.tools else None,
        "stop_sequences": list(request.stop) or None,
        "service_tier": request.service_tier,
        "thinking": thinking(request, base_model),
        "output_config": _output_config(request, base_model) or None,
        **sampling(request, base_model),
    }
    if request.prompt_cache is not None:
        _mark(payload, request.prompt_cache)
    return without_nones(payload)


def _beta_header(betas: object) -> dict[str, str]:
    names = [betas] if isinstance(betas, str) else betas or []
    if not isinstance(names, list) or not all(isinstance(name, str) and re.fullmatch(r"[\w.,-]+", name, re.ASCII) for name in names):
        message = f"the extra 'betas' is {betas!r}; give a list of names such as 'files-api-2025-04-14'"
        raise LLMConfigurationError(message, config_key=f"extras.{WIRE}.betas", config_value=betas)
    return {"anthropic-beta": ",".join(names)} if names else {}


def _tool_choice(request: ModelRequest) -> Wire | None:
    one_at_a_time = {"disable_parallel_tool_use": True} if request.parallel_tool_calls is False else {}
    match request.tool_choice:
        case "none":
            return {"type": "none"}
        case "auto":
            return {"type": "auto", **one_at_a_time} if one_at_a_time else None  # it is the default
        case "required":
            return {"type": "any", **one_at_a_time}
        case name:
            return {"type": "tool", "name": name, **one_at_a_time}


def _output_config(request: ModelRequest, base_model: str) -> Wire:
    wire: Wire = {}
    if (wanted := effort(request, base_model)) is not None:
        wire["effort"] = wanted
    if request.response_schema is not None:
        if not can_hold(request.response_schema):
            why = "which leaves values open, goes in circles or is nested too deeply"
            message = f"model {request.model!r} cannot be held to this JSON schema, {why}"
            raise LLMConfigurationError(message, config_key="response_schema", model_name=request.model)
        wire["format"] = {"type": "json_schema", "schema": output_schema(request.response_schema)}
    return wire


def _mark(payload: Wire, cache: PromptCache) -> None:
    """Mark where the beginning of the prompt that is to be kept may end; the API itself does where only a time is given."""
    mark: Wire = {"type": "ephemeral"} | ({"ttl": cache.ttl} if cache.ttl else {})
    if cache.ttl and not cache.after:
        payload["cache_control"] = mark
    last = {"tools": (payload["tools"] or [None])[-1], "system": (payload["system"] or [None])[-1]}
    last["messages"] = last_markable(payload["messages"])
    for place in cache.after:
        if (block := last[place]) is not None:
            block["cache_control"] = dict(mark)
