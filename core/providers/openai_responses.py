"""OpenAI's responses, as OpenAI and compatible servers speak them: how a request is written. No I/O.

Source: https://platform.openai.com/docs/api-reference/responses/create. `openai_responses_input.py` writes the messages,
`openai_responses_reply.py` and `openai_responses_stream.py` read the answers.
"""

import json
from dataclasses import dataclass
from typing import ClassVar

from ..exceptions import LLMConfigurationError
from ..inference import ModelRequest, ModelResponse
from ..tool_schema import ToolSchema
from .exchange import HttpCall, HttpReply
from .extras import wire_extras, with_extras
from .json_call import for_stream, json_call
from .openai_models import temperature
from .openai_responses_input import wire_input
from .openai_responses_items import WIRE
from .openai_responses_reply import AnswerReader
from .openai_responses_stream import ResponsesStreamDecoder
from .openai_shared import OPENAI_URL, bearer, openai_url, prompt_cache, tool_parameters
from .openai_strict import is_strict
from .wire_codec import WireCodec
from .wire_values import Wire, without_nones

ENCRYPTED_REASONING = "reasoning.encrypted_content"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAIResponsesCodec(WireCodec):
    """Responses at `base_url`; a bare host gets the usual path /v1."""

    wire: ClassVar[str] = WIRE
    provider: str = "openai"
    base_url: str = OPENAI_URL

    def encode(self, request: ModelRequest) -> HttpCall:
        """The call that asks what `request` asks; raises LLMConfigurationError for what the API has no parameter for."""
        payload = self._payload(request)
        if payload.get("background"):
            remedy = "leave 'background' out of the extras, or ask by stream_events, which stays until the answer is there"
            message = f"nobody would wait for what model {request.model!r} answers in the background: {remedy}"
            raise LLMConfigurationError(message, config_key=f"extras.{WIRE}.background", provider=self.provider, model_name=request.model)
        return self._call(request, payload)

    def encode_stream(self, request: ModelRequest) -> HttpCall:
        """The call that asks for the same as a stream."""
        return for_stream(self._call(request, self._payload(request) | {"stream": True}))

    def decode(self, call: HttpCall, reply: HttpReply) -> ModelResponse:
        """The answer in a reply of status 2xx; raises LLMResponseParsingError, or LLMAPIError for an error in disguise."""
        return AnswerReader(call=call, head=reply, keep_raw=self.keep_raw).whole(reply)

    def stream_decoder(self, call: HttpCall, head: HttpReply) -> ResponsesStreamDecoder:
        """What reads the stream that a reply of status 2xx brings."""
        return ResponsesStreamDecoder(AnswerReader(call=call, head=head, keep_raw=self.keep_raw))

    def _call(self, request: ModelRequest, payload: Wire) -> HttpCall:
        return json_call(self, request, responses_url(self.base_url), payload, bearer(self.api_key))

    def _payload(self, request: ModelRequest) -> Wire:
        self._check(request)
        payload: Wire = {
            "model": request.model,
            **wire_input(request.messages),
            "max_output_tokens": request.max_tokens,
            "temperature": temperature(request, self.base_model(request.model)),
            **_optional(request),
            **tool_parameters(request, [_tool(tool) for tool in request.tools], {"type": "function", "name": request.tool_choice}),
        }
        payload = with_extras(without_nones(payload), wire_extras(request, WIRE))
        if payload.get("store") is False:  # what the server does not keep it must be told again
            included = payload.get("include")
            payload["include"] = list(dict.fromkeys([*(included if isinstance(included, list) else ()), ENCRYPTED_REASONING]))
        return payload

    def _check(self, request: ModelRequest) -> None:
        for name, value in (("stop", request.stop or None), ("seed", request.seed)):
            if value is not None:
                message = (
                    f"OpenAI's responses have no parameter {name!r} (here {value!r}): leave it out, or ask by chat completions; "
                    f"a server of another kind may take it from extras, {json.dumps({WIRE: {name: value}})}"
                )
                raise LLMConfigurationError(message, config_key=name, config_value=value, provider=self.provider, model_name=request.model)


def responses_url(base_url: str) -> str:
    """Where responses are asked for, from an endpoint as people write it."""
    return openai_url(base_url, "/responses")


def _optional(request: ModelRequest) -> Wire:
    optional: Wire = {"top_p": request.top_p, "service_tier": request.service_tier}
    if request.reasoning_effort is not None:
        optional["reasoning"] = {"effort": request.reasoning_effort}
    if request.response_schema is not None:
        schema = request.response_schema
        optional["text"] = {"format": {"type": "json_schema", "name": "answer", "schema": schema, "strict": is_strict(schema)}}
    return optional | prompt_cache(request.prompt_cache)


def _tool(tool: ToolSchema) -> Wire:
    schema = tool.json_schema()
    return {"type": "function", "name": tool.name, "description": tool.description, "parameters": schema, "strict": is_strict(schema)}
