"""What OpenAI's two wires, chat completions and responses, write alike. No I/O."""

import json
from functools import lru_cache
from urllib.parse import urlsplit, urlunsplit

from ..inference import ModelRequest, PromptCache
from ..parts import ImagePart, ToolCallPart, ToolResultPart
from .wire_values import Wire

OPENAI_URL = "https://api.openai.com/v1"


@lru_cache
def openai_url(base_url: str, path: str) -> str:
    """Where a path is asked, from an endpoint as people write it; a bare host gets the usual root /v1."""
    parts = urlsplit(base_url.strip())
    root = parts.path.rstrip("/").removesuffix(path) or "/v1"
    return urlunsplit(parts._replace(path=f"{root}{path}", fragment=""))


def bearer(api_key: str | None) -> dict[str, str | None]:
    """The header that shows who asks."""
    return {"authorization": f"Bearer {api_key}" if api_key else None}


def tool_parameters(request: ModelRequest, tools: list[Wire], named: Wire) -> Wire:
    """What a request says of its tools; `named` is how the wire chooses the one that the request names."""
    if not request.tools:
        return {}
    wire: Wire = {"tools": tools}
    if request.tool_choice in ("none", "required"):
        wire["tool_choice"] = request.tool_choice
    elif request.tool_choice != "auto":  # auto is the default, and some servers refuse to hear it
        wire["tool_choice"] = named
    if request.parallel_tool_calls is not None:
        wire["parallel_tool_calls"] = request.parallel_tool_calls
    return wire


def prompt_cache(cache: PromptCache | None) -> Wire:
    """How the beginning of the prompt is kept."""
    if cache is None:
        return {}
    # five minutes is what every model keeps a prompt for; there is nothing between that and a day
    return {"prompt_cache_key": cache.key, "prompt_cache_retention": "24h" if cache.ttl == "1h" else None}


def image_url(part: ImagePart) -> str | None:
    """Where an image is, or the image itself as a URL."""
    return part.url if part.data is None else f"data:{part.media_type};base64,{part.data}"


def call_arguments(part: ToolCallPart) -> str:
    """The arguments of a past call."""
    # servers parse them, so malformed ones go back inside an object
    arguments = part.arguments if part.malformed is None else {"malformed": part.malformed}
    return json.dumps(arguments, ensure_ascii=False)


def result_text(part: ToolResultPart) -> str:
    """What a tool said."""
    content = part.content
    if part.is_error and not (isinstance(content, dict) and "error" in content):
        content = {"error": content}  # the wires have no flag for a failure
    return content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
