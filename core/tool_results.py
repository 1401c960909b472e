"""What a tool may answer: JSON, within a size. Everything a tool returns passes through here before anybody else sees it."""

import json
import math

from pydantic import JsonValue

from .canonical import MAX_DEPTH, is_too_deep
from .exceptions import LLMToolError

MAX_RESULT_CHARACTERS = 1_000_000


def checked_result(value: object, tool_name: str, max_characters: int = MAX_RESULT_CHARACTERS) -> JsonValue:
    """The value as JSON values of its own; raises LLMToolError when it is not JSON, or is too long."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except RecursionError as exc:
        raise _too_deep(tool_name) from exc
    except (TypeError, ValueError) as exc:
        flaw = _flaw(value, "$", ()) or str(exc)
        raise LLMToolError(f"tool {tool_name!r} returned what JSON does not have: {flaw}; return JSON values", tool_name) from exc
    if len(text) > max_characters:
        size = f"{len(text):,} characters of JSON, more than the {max_characters:,} that are taken"
        raise LLMToolError(f"tool {tool_name!r} returned {size}; return less, or where to find it", tool_name)
    result: JsonValue = json.loads(text)
    if text.count("[") + text.count("{") > MAX_DEPTH and is_too_deep(result):  # counting is cheap, and an upper bound
        raise _too_deep(tool_name)
    return result


def shortened(text: str, max_characters: int) -> str:
    """The text, cut to a length that ends in an ellipsis when it is longer."""
    return text if len(text) <= max_characters else text[: max_characters - 1] + "…"


def _too_deep(tool_name: str) -> LLMToolError:
    return LLMToolError(f"tool {tool_name!r} returned JSON nested deeper than {MAX_DEPTH}; return it flatter", tool_name)


def _flaw(value: object, path: str, above: tuple[int, ...]) -> str | None:
    """Where and why the value is not JSON; `above` holds the identities of the containers around it."""
    match value:
        case None | bool() | int() | str():
            return None
        case float():
            return None if math.isfinite(value) else f"{path} is {value}"
        case dict() | list() | tuple() if id(value) in above:
            return f"{path} contains itself"
        case dict():
            return _flaw_of_keys(value, path) or _first_flaw([(f".{key}", item) for key, item in value.items()], path, (*above, id(value)))
        case list() | tuple():
            return _first_flaw([(f"[{index}]", item) for index, item in enumerate(value)], path, (*above, id(value)))
        case _:
            return f"{path} is a {type(value).__qualname__}"


def _flaw_of_keys(value: dict[object, object], path: str) -> str | None:
    wrong = (key for key in value if not isinstance(key, str | int | float | None))
    return next((f"a key of {path} is a {type(key).__qualname__}" for key in wrong), None)


def _first_flaw(items: list[tuple[str, object]], path: str, above: tuple[int, ...]) -> str | None:
    return next((flaw for step, item in items if (flaw := _flaw(item, path + step, above))), None)
