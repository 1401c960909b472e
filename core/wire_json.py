"""JSON as providers and models write it, read into values that can be written again."""

import json
import math
from typing import Any

from pydantic import JsonValue

from .canonical import is_too_deep


def json_value(text: str) -> Any:  # whatever stands there
    """The value of a JSON text, without NaN and infinities, and without half characters, which a cut-off answer may end with."""
    value = raw_json_value(text)
    return without_halves(value) if "\\ud" in text.lower() else value


def raw_json_value(text: str) -> Any:  # whatever stands there
    """The same, but halves of characters are kept: the other half may come with the next piece."""
    document = text.strip(_SPACE)
    value, end = _DECODER.raw_decode(document)
    if end < len(document):
        raise json.JSONDecodeError("Extra data", document, end)
    return value


def without_halves(value: Any) -> Any:  # any JSON
    """The value with a question mark for every lone surrogate; pairs become the character they mean."""
    return json.loads(_joined(json.dumps(value, ensure_ascii=False)).encode("utf-8", "replace"))


def arguments_of(raw: object) -> dict[str, JsonValue] | None:
    """A tool call's arguments, or None when they are no JSON object, or one nested too deep to be kept."""
    if raw is None or raw == "":
        return {}
    try:
        value = json_value(raw) if isinstance(raw, str) else raw
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) and not is_too_deep(value) else None


def _joined(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def _finite(text: str) -> float | None:
    value = float(text)
    return value if math.isfinite(value) else None


_SPACE = " \t\n\r"
_DECODER = json.JSONDecoder(parse_constant=_finite, parse_float=_finite)
