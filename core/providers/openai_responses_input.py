"""OpenAI's responses: messages as instructions and items of the input. No I/O."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, takewhile

from ..parts import ImagePart, ModelMessage, Part, ReasoningPart, TextPart, ToolCallPart, ToolResultPart
from .kept_data import kept_of
from .openai_responses_items import WIRE, add_to_items, call_item
from .openai_shared import image_url, result_text
from .wire_values import Wire


def wire_input(messages: Sequence[ModelMessage]) -> Wire:
    """The parameters `instructions`, made of the system messages that come first, and `input`, made of the rest."""
    leading = list(takewhile(_is_instruction, messages))
    if not leading or len(leading) == len(messages):  # there must be an input
        return {"input": list(_items(messages))}
    return {"instructions": "\n\n".join(message.text for message in leading), "input": list(_items(messages[len(leading) :]))}


def _is_instruction(message: ModelMessage) -> bool:
    return message.role == "system" and all(isinstance(part, TextPart) for part in message.parts)


def _items(messages: Iterable[ModelMessage]) -> Iterator[Wire]:
    for message in messages:
        if len(message.parts) == 1 and _is_plain(message.parts[0]):  # nearly all messages are such
            yield _plain(message, message.parts)
        else:
            yield from _mixed(message) if message.parts else [_plain(message, ())]


def _mixed(message: ModelMessage) -> list[Wire]:
    items: list[Wire] = []
    for plain, parts in groupby(message.parts, _is_plain):
        if not plain:
            for part in parts:
                _add(items, part, message)
        elif items and items[-1].get("type") == "function_call_output":
            _show(items[-1], tuple(parts))
        else:
            items.append(_plain(message, tuple(parts)))
    return items


def _is_plain(part: Part) -> bool:
    return isinstance(part, ImagePart) or (isinstance(part, TextPart) and not kept_of(part.provider_data, WIRE))


def _add(items: list[Wire], part: Part, message: ModelMessage) -> None:
    match part:
        case ToolCallPart():
            items.append(call_item(part))
        case ToolResultPart():
            items.append({"type": "function_call_output", "call_id": part.call_id, "output": result_text(part)})
        case TextPart():
            if not add_to_items(items, part):
                items.append(_plain(message, (part,)))
        case ReasoningPart():
            add_to_items(items, part)  # what another provider's model thought is of no use here
        case ImagePart():
            items.append(_plain(message, (part,)))


def _plain(message: ModelMessage, parts: Sequence[Part]) -> Wire:
    head: Wire = {"role": "user" if message.role == "tool" else message.role}
    if message.role == "assistant":
        head["type"] = "message"  # llama.cpp does not guess it for these
    if any(isinstance(part, ImagePart) for part in parts):
        return {**head, "content": _blocks(parts)}
    return {**head, "content": "".join(part.text for part in parts if isinstance(part, TextPart))}


def _show(result: Wire, parts: Sequence[Part]) -> None:
    """What else a tool shows stands beside what it says."""
    result["output"] = [{"type": "input_text", "text": result["output"]}, *_blocks(parts)]


def _blocks(parts: Iterable[Part]) -> list[Wire]:
    return [_block(part) for part in parts if isinstance(part, TextPart | ImagePart)]


def _block(part: TextPart | ImagePart) -> Wire:
    if isinstance(part, TextPart):
        return {"type": "input_text", "text": part.text}
    return {"type": "input_image", "image_url": image_url(part), "detail": "auto"}
