"""The contract's synchronous cache of responses and tool results."""

import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from polaris_llm.core.cache import LLMCache
from polaris_llm.core.models import LLMRequest, LLMResponse, Message, MessageRole, ToolCall, ToolResult

RESPONSE = LLMResponse("Hello.", "a-model", {"total_tokens": 30}, metadata={"tags": ["a"]})
RESULT = ToolResult("c1", "weather", True, {"sky": "grey"})


class Clock:
    """A clock that stands still until it is moved."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cache(clock: Clock) -> LLMCache:
    return LLMCache(max_size=3, default_ttl=300, cleanup_interval=60, clock=clock)


def request_of(text: str = "Hi", **changes: Any) -> LLMRequest:
    return LLMRequest([Message(MessageRole.USER, text)], **{"model_name": "a-model"} | changes)


def test_a_new_but_equal_request_is_answered(cache: LLMCache) -> None:
    cache.cache_llm_response(request_of(), RESPONSE)

    assert cache.get_llm_response(request_of()) == RESPONSE


def test_copies_go_in_and_out(cache: LLMCache) -> None:
    response = replace(RESPONSE, metadata={"tags": ["a"]})
    cache.cache_llm_response(request_of(), response)

    response.metadata["tags"].append("in")
    first = cache.get_llm_response(request_of())
    assert first is not None
    first.metadata["tags"].append("out")

    assert cache.get_llm_response(request_of()) == RESPONSE


@pytest.mark.parametrize(
    "changes",
    [
        {"model_name": "other"},
        {"temperature": 0.2},
        {"max_tokens": 5},
        {"tool_choice": "none"},
        {"tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}]},
        {"stream": True},
        {"options": {"seed": 1}},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_request_that_differs_is_another(cache: LLMCache, changes: dict[str, Any]) -> None:
    cache.cache_llm_response(request_of(), RESPONSE)

    assert cache.get_llm_response(request_of(**changes)) is None


def test_calls_in_the_history_count(cache: LLMCache) -> None:
    def history(city: str, call_id: str) -> LLMRequest:
        call = ToolCall("weather", {"city": city}, call_id=call_id)
        return LLMRequest(
            [Message(MessageRole.ASSISTANT, "", tool_calls=[call]), Message(MessageRole.TOOL, "grey", tool_call_id=call_id)], "a-model"
        )

    cache.cache_llm_response(history("Oslo", "c1"), RESPONSE)

    assert cache.get_llm_response(history("Oslo", "c1")) == RESPONSE
    assert cache.get_llm_response(history("Rome", "c1")) is None
    assert cache.get_llm_response(history("Oslo", "c2")) is None


def test_a_tool_result_is_kept_by_name_and_parameters(cache: LLMCache) -> None:
    cache.cache_tool_result("weather", {"city": "Oslo", "days": 1}, RESULT)

    assert cache.get_tool_result("weather", {"days": 1, "city": "Oslo"}) == RESULT
    assert cache.get_tool_result("weather", {"city": "Rome", "days": 1}) is None
    assert cache.get_tool_result("climate", {"city": "Oslo", "days": 1}) is None


def test_a_failed_result_is_not_kept(cache: LLMCache) -> None:
    cache.cache_tool_result("weather", {}, replace(RESULT, success=False))

    assert cache.get_tool_result("weather", {}) is None


def test_parameters_that_are_no_json_have_their_key_too(cache: LLMCache) -> None:
    parameters = {"when": datetime(2026, 11, 23, tzinfo=UTC), "where": Path("x"), "odd": float("nan"), "half": "\ud83d"}
    cache.cache_tool_result("weather", parameters, RESULT)

    assert cache.get_tool_result("weather", dict(parameters)) == RESULT


def test_a_result_that_cannot_be_copied_is_not_kept(cache: LLMCache) -> None:
    cache.cache_tool_result("lock", {}, replace(RESULT, result=threading.Lock()))

    assert cache.get_tool_result("lock", {}) is None


def test_time_ends_by_the_default_or_by_the_entrys_own(cache: LLMCache, clock: Clock) -> None:
    cache.cache_llm_response(request_of("default"), RESPONSE)
    cache.cache_llm_response(request_of("own"), RESPONSE, ttl=10)
    cache.cache_llm_response(request_of("none"), RESPONSE, ttl=0)

    assert cache.get_llm_response(request_of("none")) is None
    clock.now = 11
    assert cache.get_llm_response(request_of("own")) is None
    assert cache.get_llm_response(request_of("default")) == RESPONSE
    clock.now = 301
    assert cache.get_llm_response(request_of("default")) is None


def test_both_kinds_share_the_room_and_the_longest_unused_goes(cache: LLMCache) -> None:
    cache.cache_llm_response(request_of("a"), RESPONSE)
    cache.cache_tool_result("weather", {}, RESULT)
    cache.cache_llm_response(request_of("b"), RESPONSE)
    cache.get_llm_response(request_of("a"))

    cache.cache_llm_response(request_of("c"), RESPONSE)

    assert cache.get_tool_result("weather", {}) is None
    assert cache.get_llm_response(request_of("a")) == RESPONSE
    assert cache.get_statistics()["evictions"] == 1


def test_both_kinds_share_the_bytes_too() -> None:
    cache = LLMCache(max_bytes=3_000)
    for letter in "abcdefgh":
        cache.cache_llm_response(request_of(letter), replace(RESPONSE, content=letter * 500))
        cache.cache_tool_result(letter, {}, replace(RESULT, result=letter * 500))

    entries = cache.get_cache_info()

    kept = [*entries["llm_entries"], *entries["tool_entries"]]
    assert 2 <= len(kept) <= 5
    assert sum(entry.size for entry in kept) <= 3_000
    assert cache.get_statistics()["evictions"] == 16 - len(kept)


def test_statistics_tell_of_either_kind(cache: LLMCache, clock: Clock) -> None:
    cache.cache_llm_response(request_of(), RESPONSE)
    cache.cache_tool_result("weather", {}, RESULT)
    cache.get_llm_response(request_of())
    cache.get_llm_response(request_of("other"))
    clock.now = 61
    cache.get_tool_result("weather", {})

    assert cache.get_statistics() == {
        "llm_cache": {"size": 1, "hits": 1, "misses": 1, "hit_rate": 0.5},
        "tool_cache": {"size": 1, "hits": 1, "misses": 0, "hit_rate": 1.0},
        "total_size": 2,
        "max_size": 3,
        "evictions": 0,
        "cleanups": 1,
    }


def test_cleaning_up_forgets_what_is_over(cache: LLMCache, clock: Clock) -> None:
    cache.cache_llm_response(request_of(), RESPONSE, ttl=5)

    clock.now = 61
    cache.get_llm_response(request_of("other"))

    assert cache.get_statistics()["total_size"] == 0


def test_answers_can_be_forgotten_by_name_by_kind_or_all(cache: LLMCache) -> None:
    cache.cache_llm_response(request_of(), RESPONSE)
    cache.cache_llm_response(request_of(model_name="other"), RESPONSE)
    cache.cache_tool_result("weather", {}, RESULT)

    assert cache.invalidate_llm_cache("other") == 1
    assert cache.invalidate_llm_cache("a-mod") == 0
    assert cache.invalidate_tool_cache("climate") == 0
    assert cache.invalidate_tool_cache() == 1
    assert cache.get_statistics()["total_size"] == 1
    cache.clear_all()
    assert cache.get_statistics()["total_size"] == 0


def test_the_entries_can_be_listed(cache: LLMCache, clock: Clock) -> None:
    cache.cache_llm_response(request_of(), RESPONSE)
    cache.cache_tool_result("weather", {}, RESULT, ttl=20)
    clock.now = 5

    info = cache.get_cache_info()

    assert [(entry.name, entry.expires_in_s) for entry in info["llm_entries"]] == [("a-model", 295)]
    assert [(entry.name, entry.expires_in_s) for entry in info["tool_entries"]] == [("weather", 15)]
    assert info["statistics"] == cache.get_statistics()
