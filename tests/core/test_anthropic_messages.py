"""How the Anthropic codec writes a conversation."""

import json
from typing import Any

import pytest

from polaris_llm.core.exceptions import LLMConfigurationError
from polaris_llm.core.parts import ImagePart, ModelMessage, Part, ReasoningPart, TextPart, ToolCallPart, ToolResultPart, text_message
from support.anthropic_messages import CODEC
from support.model_requests import a_request


def turns_of(*messages: ModelMessage) -> list[dict[str, Any]]:
    turns: list[dict[str, Any]] = json.loads(CODEC.encode(a_request(messages=messages)).body)["messages"]
    return turns


def a_message(role: str, *parts: Part) -> ModelMessage:
    return ModelMessage(role=role, parts=parts)  # type: ignore[arg-type]  # the tests say real roles


def call(call_id: str) -> ToolCallPart:
    return ToolCallPart(call_id=call_id, name="weather", arguments={"city": "Oslo"})


def result(call_id: str, content: Any = "grey", **rest: Any) -> ToolResultPart:
    return ToolResultPart(call_id=call_id, name="weather", content=content, **rest)


def test_system_messages_are_joined_wherever_they_stand() -> None:
    said = [
        text_message("system", "Be kind."),
        text_message("user", "Hi"),
        text_message("system", "Be brief."),
        text_message("user", "Well?"),
    ]

    payload = json.loads(CODEC.encode(a_request(messages=tuple(said))).body)

    assert [block["text"] for block in payload["system"]] == ["Be kind.", "Be brief."]
    assert [[block["text"] for block in turn["content"]] for turn in payload["messages"]] == [["Hi", "Well?"]]


def test_a_system_message_can_only_hold_text() -> None:
    with pytest.raises(LLMConfigurationError, match="kind 'image'"):
        CODEC.encode(a_request(messages=(a_message("system", ImagePart(media_type="image/png", data="QUJD")),)))


def test_the_results_of_a_turn_come_in_one_message_and_first() -> None:
    turns = turns_of(
        a_message("assistant", TextPart(text="I look."), call("a"), call("b")),
        a_message("tool", result("a"), ImagePart(media_type="image/png", data="QUJD")),
        a_message("tool", result("b", {"sky": "grey"})),
        text_message("user", "Hurry."),
    )

    assert [turn["role"] for turn in turns] == ["assistant", "user"]
    assert turns[0]["content"] == [
        {"type": "text", "text": "I look."},
        {"type": "tool_use", "id": "a", "name": "weather", "input": {"city": "Oslo"}},
        {"type": "tool_use", "id": "b", "name": "weather", "input": {"city": "Oslo"}},
    ]
    assert turns[1]["content"] == [
        {"type": "tool_result", "tool_use_id": "a", "content": "grey"},
        {"type": "tool_result", "tool_use_id": "b", "content": '{"sky": "grey"}'},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "QUJD"}},
        {"type": "text", "text": "Hurry."},
    ]


def test_messages_of_one_side_are_one_turn() -> None:
    turns = turns_of(text_message("user", "a"), text_message("user", "b"), text_message("assistant", "c"), text_message("assistant", "d"))

    assert [(turn["role"], [block["text"] for block in turn["content"]]) for turn in turns] == [
        ("user", ["a", "b"]),
        ("assistant", ["c", "d"]),
    ]


def test_blocks_without_text_are_not_sent_nor_turns_without_blocks() -> None:
    assert turns_of(text_message("user", "a"), text_message("assistant", " \n"), text_message("user", "b")) == [
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}
    ]


def test_a_failed_tool_says_so_even_without_words() -> None:
    turns = turns_of(a_message("tool", result("a", "no such city", is_error=True), result("b", "", is_error=True)))

    assert [(block["content"], block["is_error"]) for block in turns[0]["content"]] == [("no such city", True), ("failed", True)]


def test_a_tools_answer_may_be_empty() -> None:
    assert turns_of(a_message("tool", result("a", "")))[0]["content"] == [{"type": "tool_result", "tool_use_id": "a", "content": ""}]


def test_ids_of_other_providers_are_written_in_the_letters_that_the_api_allows() -> None:
    turns = turns_of(a_message("assistant", call("a.2"), call("a_2")), a_message("tool", result("a.2"), result("a_2")))

    used = [block["id"] for block in turns[0]["content"]]
    assert used == [block["tool_use_id"] for block in turns[1]["content"]]
    assert used == ["a_2e_2", "a_2"]


def test_malformed_arguments_go_back_inside_an_object() -> None:
    part = ToolCallPart(call_id="a", name="weather", arguments={}, malformed='{"city": "Os')

    assert turns_of(a_message("assistant", part))[0]["content"][0]["input"] == {"malformed": '{"city": "Os'}


def test_images_go_by_data_or_by_url() -> None:
    urls = ("https://example.org/y", "data:image/png;base64,QUJD", "data:image/png,QUJD")
    parts = (ImagePart(media_type="image/png", data="QUJD"), *(ImagePart(media_type="image/png", url=url) for url in urls))

    assert [block["source"] for block in turns_of(a_message("user", *parts))[0]["content"]] == [
        {"type": "base64", "media_type": "image/png", "data": "QUJD"},
        {"type": "url", "url": "https://example.org/y"},
        {"type": "base64", "media_type": "image/png", "data": "QUJD"},
        {"type": "url", "url": "data:image/png,QUJD"},
    ]


def test_thoughts_of_other_providers_models_stay_away() -> None:
    foreign = (
        ReasoningPart(text="hm"),
        ReasoningPart(text="hm", signature="of-google", provider_data={"google": {"thought": True}}),
        ReasoningPart(text="hm", provider_data={"anthropic": "strange"}),
    )

    assert turns_of(a_message("assistant", *foreign, TextPart(text="Yes."))) == [
        {"role": "assistant", "content": [{"type": "text", "text": "Yes."}]}
    ]
