"""Google's Gemini, as generateContent of the Gemini API speaks it: how a request is written. No I/O.

Source: https://ai.google.dev/api/generate-content. `google_contents.py` writes the messages, `google_schema.py` the schemas;
`google_reply.py` and `google_stream.py` read the answers.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar
from urllib.parse import quote, urlsplit, urlunsplit

from ..exceptions import LLMAPIError, LLMConfigurationError
from ..inference import ModelRequest, ModelResponse
from .api_errors import api_error
from .exchange import HttpCall, HttpReply
from .extras import wire_extras, with_extras
from .google_contents import WIRE, system_instruction, wire_contents
from .google_errors import google_words
from .google_reply import read_reply
from .google_schema import wire_schema
from .google_stream import GoogleStreamDecoder
from .json_call import for_stream, json_call
from .wire_codec import WireCodec
from .wire_values import Wire, without_nones

GOOGLE_URL = "https://generativelanguage.googleapis.com"

THINKING_BUDGETS = {"none": 0, "minimal": 1024, "low": 1024, "medium": 8192, "high": 24576}
"""Tokens for models that know no levels, as Google's own OpenAI interface counts them: https://ai.google.dev/gemini-api/docs/openai."""

_VERSION = re.compile(r"/v\d+(?:(?:alpha|beta)\d*)?$")
_OLDER = re.compile(r"gemini-[12]\b")
"""Models before Gemini 3, which think by budgets."""
_SIGNING = re.compile(r"(?:^|/)gemini-(?![12]\b)")
"""Models that refuse a call of the past without its signature."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GoogleCodec(WireCodec):
    """generateContent at `base_url`; a URL without a version gets the usual one, /v1beta."""

    wire: ClassVar[str] = WIRE
    provider: str = "google"
    base_url: str = GOOGLE_URL

    def encode(self, request: ModelRequest) -> HttpCall:
        """The call that asks what `request` asks; raises LLMConfigurationError for what the wire cannot carry."""
        return self._call(request, "generateContent")

    def encode_stream(self, request: ModelRequest) -> HttpCall:
        """The call that asks for the same as a stream of server-sent events."""
        return for_stream(self._call(request, "streamGenerateContent", query="alt=sse"))

    def decode(self, call: HttpCall, reply: HttpReply) -> ModelResponse:
        """The answer in a reply of status 2xx; raises LLMResponseParsingError, or LLMAPIError for an error in disguise."""
        return read_reply(call, reply, keep_raw=self.keep_raw)

    def decode_error(self, call: HttpCall, reply: HttpReply) -> LLMAPIError:
        """The error that a reply of any other status means."""
        return api_error(call, reply, google_words)

    def stream_decoder(self, call: HttpCall, head: HttpReply) -> GoogleStreamDecoder:
        """What reads the stream that a reply of status 2xx brings."""
        return GoogleStreamDecoder(call, head, keep_raw=self.keep_raw)

    def _call(self, request: ModelRequest, method: str, query: str = "") -> HttpCall:
        url = method_url(self.base_url, model_path(request.model), method, query)
        payload = _payload(request, self.base_model(request.model))
        return json_call(self, request, url, payload, {"x-goog-api-key": self.api_key or None})


@lru_cache
def model_path(model: str) -> str:
    """Where a model is, under the API's version: a name with a slash says so itself, others are of the folder `models`."""
    path = model if "/" in model else f"models/{model}"
    if any(name.strip(".") == "" for name in path.split("/")):
        raise LLMConfigurationError(f"no model can have the name {model!r}: write gemini-…, models/… or tunedModels/…", model_name=model)
    return quote(path, safe="/", errors="replace")


@lru_cache
def method_url(base_url: str, path: str, method: str, query: str) -> str:
    """Where a method of a model is called, from an endpoint as people write it."""
    parts = urlsplit(base_url.strip())
    root = parts.path.rstrip("/").removesuffix("/models")
    root = root if _VERSION.search(root) else f"{root}/v1beta"
    queries = "&".join(filter(None, (parts.query, query)))
    return urlunsplit(parts._replace(path=f"{root}/{path}:{method}", query=queries, fragment=""))


def _payload(request: ModelRequest, base_model: str) -> Wire:
    payload = {
        "contents": wire_contents(request, signed=_SIGNING.search(base_model) is not None),
        "systemInstruction": system_instruction(request.messages),
        **_tools(request),
        "serviceTier": request.service_tier,
        "generationConfig": _generation(request, base_model),
    }
    return with_extras(without_nones(payload), wire_extras(request, WIRE))


def _generation(request: ModelRequest, base_model: str) -> Wire:
    config: Wire = {
        "maxOutputTokens": request.max_tokens,
        "temperature": request.temperature,
        "topP": request.top_p,
        "stopSequences": list(request.stop) or None,
        "seed": request.seed,
        "thinkingConfig": _thinking(request, base_model),
    }
    if request.response_schema is not None:
        config |= {"responseMimeType": "application/json", "responseJsonSchema": wire_schema(request.response_schema)}
    return without_nones(config)


def _thinking(request: ModelRequest, base_model: str) -> Wire | None:
    effort = request.reasoning_effort
    if effort is None:
        return None
    if not _OLDER.search(base_model):
        return {"thinkingLevel": effort.upper()}
    if effort not in THINKING_BUDGETS:
        message = f"the model {request.model!r} knows no reasoning_effort {effort!r}; known: {', '.join(THINKING_BUDGETS)}"
        raise LLMConfigurationError(message, config_key="reasoning_effort", config_value=effort, model_name=request.model)
    return {"thinkingBudget": THINKING_BUDGETS[effort]}


def _tools(request: ModelRequest) -> Wire:
    if not request.tools:
        return {}
    declarations = [tool.to_google_format() for tool in request.tools]
    return {"tools": [{"functionDeclarations": declarations}], "toolConfig": _tool_config(request.tool_choice)}


def _tool_config(choice: str) -> Wire | None:
    match choice:
        case "auto":  # the default
            return None
        case "none" | "required":
            return {"functionCallingConfig": {"mode": "NONE" if choice == "none" else "ANY"}}
        case name:
            return {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": [name]}}
