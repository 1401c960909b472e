"""What a server repeats of a prompt is not told again."""

import json
from collections.abc import Callable

import pytest

from polaris_llm.core.parts import ImagePart, ModelMessage, Part, ReasoningPart, TextPart, ToolCallPart, ToolResultPart
from polaris_llm.core.providers.prompt_echoes import without_prompt
from support.model_requests import a_request

SECRET = 'The "mayor\'s" Größe\nis a secret'
SENT: list[tuple[Part, str]] = [
    (TextPart(text=SECRET), SECRET),
    (ReasoningPart(text=SECRET), SECRET),
    (ImagePart(media_type="image/png", data=SECRET), SECRET),
    (ImagePart(media_type="image/png", url=SECRET), SECRET),
    (ToolCallPart(call_id="a", name="note", arguments={"it": SECRET}), json.dumps({"it": SECRET}, ensure_ascii=False)),
    (ToolCallPart(call_id="a", name="note", arguments={}, malformed=SECRET), SECRET),
    (ToolResultPart(call_id="a", name="note", content=SECRET), SECRET),
    (ToolResultPart(call_id="a", name="note", content=[SECRET]), json.dumps([SECRET], ensure_ascii=False)),
]
"""A part, and what stands for it on a wire."""


def as_characters(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


@pytest.mark.parametrize(("part", "sent"), SENT)
@pytest.mark.parametrize("spelled", [str, json.dumps, as_characters, repr])
def test_no_part_is_repeated_however_it_is_spelled(part: Part, sent: str, spelled: Callable[[str], str]) -> None:
    request = a_request(messages=(ModelMessage(role="user", parts=(TextPart(text="See:"), part)),))

    words = without_prompt(f"bad input <{spelled(sent)}> See: the manual", request)

    assert words.replace('"', "").replace("'", "") == "bad input <***> See: the manual"
