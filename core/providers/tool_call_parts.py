"""Tool calls as answers bring them: ids that may be missing or used before, arguments that may be no JSON. For all codecs."""

import json

from ..inference import ModelRequest
from ..parts import ProviderData, ToolCallPart
from ..wire_json import arguments_of, without_halves


def used_ids(request: ModelRequest) -> set[str]:
    """The ids of the conversation's tool calls so far."""
    return {call.call_id for message in request.messages for call in message.tool_calls}


def unused_id(wanted: object, used: set[str]) -> str:
    """`wanted`, or the first like it that no call of this conversation has; it counts as used from now on."""
    stem = wanted if isinstance(wanted, str) and wanted else "call"
    call_id, number = stem, 1
    while call_id in used:
        number += 1
        call_id = f"{stem}_{number}"
    used.add(call_id)
    return call_id


def call_part(call_id: str, name: str, raw: object, data: ProviderData | None) -> ToolCallPart:
    """The part of a call whose arguments are `raw`, JSON or its text; what is no object of arguments is kept as malformed."""
    arguments = arguments_of(raw)
    malformed = None if arguments is not None else raw if isinstance(raw, str) else json.dumps(raw)
    return ToolCallPart(call_id=call_id, name=name, arguments=arguments or {}, malformed=malformed, provider_data=data)


def written(arguments: object) -> str:
    """Arguments as the text of JSON, which servers that should write a text may send as what it means."""
    if arguments is None:
        return ""
    return arguments if isinstance(arguments, str) else json.dumps(without_halves(arguments))
