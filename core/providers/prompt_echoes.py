"""What a server repeats of a prompt, as some do that validate a request: cut out of what an error tells. No I/O."""

import json
from typing import assert_never

from ..inference import ModelRequest
from ..parts import ImagePart, Part, ReasoningPart, TextPart, ToolCallPart, ToolResultPart

MIN_CHARS = 16
"""Of a text that is cut out; a shorter one may stand in any sentence."""


def without_prompt(words: str, request: ModelRequest) -> str:
    """`words` without the texts of the request, as they are and as JSON and Python spell them."""
    texts = {_text(part) for message in request.messages for part in message.parts}
    asked = [text for text in texts if MIN_CHARS <= len(text) <= len(words)]
    spelled = {spelling for text in asked for spelling in (text, json.dumps(text)[1:-1], _unescaped(text), repr(text)[1:-1])}
    for spelling in sorted(spelled, key=len, reverse=True):
        words = words.replace(spelling, "***")
    return words


def _text(part: Part) -> str:
    match part:
        case TextPart(text=text) | ReasoningPart(text=text):
            return text
        case ImagePart():
            return part.data or part.url or ""
        case ToolCallPart():
            return part.malformed or json.dumps(part.arguments, ensure_ascii=False)
        case ToolResultPart(content=content):
            return content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
        case _:
            assert_never(part)


def _unescaped(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]
