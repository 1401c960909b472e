"""A model behind a cache: get, then ask once."""

import asyncio
import logging

import anyio
import pytest
from hypothesis import given, settings

from polaris_llm.core.bounded_store import BoundedStore
from polaris_llm.core.cache_port import MemoryCache
from polaris_llm.core.cached_client import WHOLE_ANSWERS, CachedClient, CacheRules
from polaris_llm.core.call_context import CallContext
from polaris_llm.core.exceptions import DeadlineExceededError, LLMConnectionError
from polaris_llm.core.inference import CachePolicy, FinishReason, ModelRequest, ModelResponse
from support.caches import BrokenCache, RecordingCache
from support.model_requests import CALL, ScriptedModel, a_request, a_response
from support.model_strategies import WHOLE_RESPONSES

pytestmark = pytest.mark.anyio


class SlowModel:
    """A model that answers when it is told to."""

    def __init__(self) -> None:
        self.asked = 0
        self.go_on = asyncio.Event()

    async def respond(self, request: ModelRequest, call: CallContext) -> ModelResponse:
        """The answer, later."""
        self.asked += 1
        await self.go_on.wait()
        return a_response()


@pytest.fixture
def cache() -> RecordingCache:
    return RecordingCache()


async def test_an_equal_request_is_answered_from_the_cache(cache: RecordingCache) -> None:
    model = ScriptedModel(a_response("first"), a_response("second"))
    client = CachedClient(model, cache)

    fresh = await client.respond(a_request(request_id="1"), CALL)
    kept = await client.respond(a_request(request_id="2"), CALL)

    assert (fresh.text, fresh.cached) == ("first", False)
    assert (kept.text, kept.cached, kept.attempts, kept.latency_s) == ("first", True, 0, 0.0)
    assert len(model.asked) == 1
    assert cache.ttls == [300.0]


async def test_another_request_is_asked(cache: RecordingCache) -> None:
    model = ScriptedModel()
    client = CachedClient(model, cache)

    for text in ("Hi", "Ho"):
        assert not (await client.respond(a_request(text), CALL)).cached

    assert len(model.asked) == 2


@pytest.mark.parametrize(
    "request_",
    [
        a_request(cache=CachePolicy(mode="bypass")),
        a_request(cache=CachePolicy(mode="bypass", ttl_s=60)),
        a_request(cache=CachePolicy(ttl_s=0)),
        a_request(temperature=0.31),
    ],
    ids=["bypass", "bypass with time", "no time", "hot"],
)
async def test_what_is_not_to_be_cached_is_neither_read_nor_written(cache: RecordingCache, request_: ModelRequest) -> None:
    model = ScriptedModel()
    client = CachedClient(model, cache)

    for _ in range(2):
        assert not (await client.respond(request_, CALL)).cached

    assert len(model.asked) == 2
    assert cache.ttls == []


async def test_hot_sampling_is_cached_when_the_request_asks_for_it(cache: RecordingCache) -> None:
    client = CachedClient(ScriptedModel(), cache)
    request = a_request(temperature=1.0, cache=CachePolicy(ttl_s=7))

    await client.respond(request, CALL)

    assert (await client.respond(request, CALL)).cached
    assert cache.ttls == [7]


async def test_the_rules_set_time_and_heat(cache: RecordingCache) -> None:
    client = CachedClient(ScriptedModel(), cache, CacheRules(default_ttl_s=9, max_temperature=1.0))

    await client.respond(a_request(temperature=1.0), CALL)

    assert cache.ttls == [9]


async def test_a_refresh_asks_and_replaces_what_is_kept(cache: RecordingCache) -> None:
    client = CachedClient(ScriptedModel(a_response("old"), a_response("new")), cache)

    await client.respond(a_request(), CALL)
    fresh = await client.respond(a_request(cache=CachePolicy(mode="refresh")), CALL)
    kept = await client.respond(a_request(), CALL)

    assert (fresh.text, fresh.cached) == ("new", False)
    assert (kept.text, kept.cached) == ("new", True)


async def test_providers_do_not_share_answers(cache: RecordingCache) -> None:
    one, other = (CachedClient(ScriptedModel(), cache, CacheRules(provider=name)) for name in ("one", "other"))

    await one.respond(a_request(), CALL)

    assert not (await other.respond(a_request(), CALL)).cached


@pytest.mark.parametrize("reason", sorted(set(FinishReason) - WHOLE_ANSWERS))
async def test_an_answer_that_is_not_whole_is_not_kept(cache: RecordingCache, reason: FinishReason) -> None:
    client = CachedClient(ScriptedModel(a_response(finish_reason=reason)), cache)

    await client.respond(a_request(), CALL)

    assert cache.ttls == []


async def test_an_answer_out_of_another_cache_is_not_kept_again(cache: RecordingCache) -> None:
    client = CachedClient(ScriptedModel(a_response(cached=True)), cache)

    assert (await client.respond(a_request(), CALL)).cached
    assert cache.ttls == []


async def test_the_providers_raw_payload_is_not_kept(cache: RecordingCache) -> None:
    client = CachedClient(ScriptedModel(a_response(metadata={"raw_response": {"big": "x" * 1000}, "mock": True})), cache)

    fresh = await client.respond(a_request(), CALL)
    kept = await client.respond(a_request(), CALL)

    assert fresh.metadata.keys() == {"raw_response", "mock"}
    assert kept.metadata == {"mock": True}


async def test_a_kept_answer_names_no_request_of_the_provider(cache: RecordingCache) -> None:
    client = CachedClient(ScriptedModel(a_response(metadata={"provider_request_id": "req_1"})), cache)

    answers = [await client.respond(a_request(), CALL) for _ in range(2)]

    assert [answer.metadata.get("provider_request_id") for answer in answers] == ["req_1", None]


async def test_a_thousand_identical_calls_ask_the_model_once(cache: RecordingCache) -> None:
    model = SlowModel()
    client = CachedClient(model, cache)
    with anyio.fail_after(20):
        tasks = [asyncio.create_task(client.respond(a_request(request_id=str(number)), CALL)) for number in range(1000)]
        while not model.asked:
            await asyncio.sleep(0)
        model.go_on.set()
        responses = await asyncio.gather(*tasks)

    assert model.asked == 1
    assert [response.cached for response in responses].count(False) == 1
    assert cache.ttls == [300.0]


async def test_a_failure_is_raised_and_not_kept(cache: RecordingCache) -> None:
    client = CachedClient(ScriptedModel(LLMConnectionError("down"), a_response()), cache)

    with pytest.raises(LLMConnectionError):
        await client.respond(a_request(), CALL)

    assert not (await client.respond(a_request(), CALL)).cached


async def test_a_follower_waits_no_longer_than_its_own_deadline(cache: RecordingCache) -> None:
    model = SlowModel()
    client = CachedClient(model, cache)
    with anyio.fail_after(5):
        leader = asyncio.create_task(client.respond(a_request(), CallContext(remaining_s=60)))
        while not model.asked:
            await asyncio.sleep(0)

        with pytest.raises(DeadlineExceededError, match=r"0\.01 s"):
            await client.respond(a_request(), CallContext(remaining_s=0.01))

        model.go_on.set()
        assert (await leader).text == "Hello."


async def test_a_models_own_timeout_error_is_not_mistaken_for_the_deadline(cache: RecordingCache) -> None:
    client = CachedClient(ScriptedModel(TimeoutError("its own")), cache)

    with pytest.raises(TimeoutError, match="its own"):
        await client.respond(a_request(), CallContext(remaining_s=60))


async def test_a_broken_cache_is_told_in_the_log_and_done_without(caplog: pytest.LogCaptureFixture) -> None:
    client = CachedClient(ScriptedModel(), BrokenCache())

    with caplog.at_level(logging.WARNING):
        response = await client.respond(a_request(), CALL)

    assert response.text == "Hello."
    assert [record.getMessage() for record in caplog.records] == [
        "cache read failed, asking the model: the cache is gone",
        "cache write failed, the answer is not kept: the cache is gone",
    ]


async def test_an_unreadable_entry_is_asked_for_anew(caplog: pytest.LogCaptureFixture) -> None:
    store = BoundedStore()
    store.put(CacheRules().key(a_request(), CALL), b'{"of": "another version"}', 60)
    client = CachedClient(ScriptedModel(), MemoryCache(store))

    with caplog.at_level(logging.WARNING):
        assert not (await client.respond(a_request(), CALL)).cached

    assert (await client.respond(a_request(), CALL)).cached


@settings(max_examples=30)
@given(WHOLE_RESPONSES)
def test_a_kept_answer_is_the_answer(response: ModelResponse) -> None:
    async def ask_twice() -> tuple[ModelResponse, ModelResponse]:
        client = CachedClient(ScriptedModel(response), MemoryCache())
        return await client.respond(a_request(), CALL), await client.respond(a_request(), CALL)

    fresh, kept = asyncio.run(ask_twice())

    assert fresh == response
    assert (kept.parts, kept.usage, kept.response_id) == (fresh.parts, fresh.usage, fresh.response_id)
