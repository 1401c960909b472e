"""A cache that is written behind the writer's back: nobody waits for it, and nothing that is on its way is missed."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace

import anyio
import pytest

from polaris_llm.core import cache_port
from polaris_llm.core.cache_port import Entry, MemoryCache, WriteBehind
from polaris_llm.core.cached_client import CachedClient, CacheRules
from polaris_llm.core.call_context import CallContext
from polaris_llm.core.inference import ModelRequest, ModelResponse
from support.caches import BrokenCache, RecordingCache
from support.model_requests import CALL, ScriptedModel, a_request

pytestmark = pytest.mark.anyio


class SlowCache(MemoryCache):
    """A cache that takes what it is given only when it is opened."""

    def __init__(self) -> None:
        super().__init__()
        self.opened = asyncio.Event()

    async def put(self, key: str, value: bytes, ttl_s: float) -> None:
        """Wait, then keep."""
        await self.opened.wait()
        await super().put(key, value, ttl_s)


async def test_who_asks_meanwhile_gets_what_is_on_its_way() -> None:
    cache = SlowCache()
    behind = WriteBehind(cache)

    await behind.put("key", b"value", 60)

    assert (await behind.get("key"), await cache.get("key")) == (b"value", None)


async def test_what_has_arrived_is_the_caches_own_affair() -> None:
    cache = SlowCache()
    behind = WriteBehind(cache, grace_s=0)
    await behind.put("key", b"value", 60)

    cache.opened.set()
    with anyio.fail_after(5):
        await behind.close()

    assert (await behind.get("key"), await cache.get("key")) == (None, b"value")


async def test_who_looked_in_the_cache_just_before_a_value_arrived_gets_it_too() -> None:
    behind = WriteBehind(MemoryCache(), grace_s=0.05)
    await behind.put("key", b"value", 60)
    await behind.close()

    assert await behind.get("key") == b"value"
    with anyio.fail_after(5):
        while await behind.get("key") is not None:
            await asyncio.sleep(0.01)


async def test_the_newer_of_two_values_stays_until_it_has_arrived() -> None:
    cache = SlowCache()
    behind = WriteBehind(cache)

    await behind.put("key", b"old", 60)
    await behind.put("key", b"new", 60)

    assert await behind.get("key") == b"new"


async def test_a_failed_write_is_told_in_the_log_and_forgotten(caplog: pytest.LogCaptureFixture) -> None:
    behind = WriteBehind(BrokenCache())

    with caplog.at_level(logging.WARNING):
        await behind.put("key", b"value", 60)
        await behind.close()

    assert await behind.get("key") is None
    assert [record.getMessage() for record in caplog.records] == ["cache write failed, 1 answers are not kept: the cache is gone"]


@pytest.mark.parametrize("key", ["{number}", "always the same"])
async def test_a_cache_that_takes_nothing_makes_its_writers_wait_in_the_end(key: str) -> None:
    cache = SlowCache()
    behind = WriteBehind(cache)
    for number in range(cache_port.MAX_UNDER_WAY):
        await behind.put(key.format(number=number), b"value", 60)

    one_more = asyncio.create_task(behind.put(key.format(number="one more"), b"value", 60))
    done, _ = await asyncio.wait({one_more}, timeout=0.05)

    assert not done
    cache.opened.set()
    with anyio.fail_after(5):
        await one_more


async def test_a_cache_that_cannot_be_asked_holds_up_nobody_for_longer_than_one_batch() -> None:
    class DeadCache(BrokenCache):
        """Fails after a while."""

        async def put_all(self, entries: Sequence[Entry]) -> None:
            await asyncio.sleep(0.1)
            await super().put_all(entries)

    behind = WriteBehind(DeadCache())
    value = bytes(cache_port.BATCH_BYTES)  # one is a batch

    with anyio.fail_after(2):
        await asyncio.gather(*(behind.put(str(number), value, 60) for number in range(cache_port.MAX_UNDER_WAY + 100)))
        await behind.close()


async def test_a_slow_cache_holds_up_nobody_whose_value_is_written() -> None:
    class FullCache(MemoryCache):
        """Is given more with every batch."""

        async def put_all(self, entries: Sequence[Entry]) -> None:
            await asyncio.sleep(0.001)
            more.append(asyncio.create_task(behind.put(*entries[0])))

    more: list[asyncio.Task[None]] = []
    behind = WriteBehind(FullCache())
    for number in range(cache_port.MAX_UNDER_WAY):
        await behind.put(str(number), b"value", 60)

    with anyio.fail_after(2):
        await behind.put("one more", b"value", 60)
    for task in more:
        task.cancel()


async def test_a_writer_that_gives_up_takes_its_value_along() -> None:
    cache = SlowCache()
    behind = WriteBehind(cache)
    for number in range(cache_port.MAX_UNDER_WAY):
        await behind.put(str(number), b"value", 60)
    one_more = asyncio.create_task(behind.put("one more", b"value", 60))
    await asyncio.sleep(0)

    one_more.cancel()
    cache.opened.set()
    with anyio.fail_after(5):
        await behind.close()

    assert [await cache.get(key) for key in ("0", "one more")] == [b"value", None]


async def test_reading_and_writing_halves_make_one_cache_of_two_places() -> None:
    cache, model = RecordingCache(), ScriptedModel()
    behind = WriteBehind(cache)
    asker = CachedClient(CachedClient(model, behind), cache, keeps=False)

    fresh = await asker.respond(a_request(), CALL)
    on_its_way = await asker.respond(a_request(), CALL)
    await behind.close()
    kept = await asker.respond(a_request(), CALL)

    assert (fresh.cached, on_its_way.cached, kept.cached) == (False, True, True)
    assert len(model.asked) == len(cache.ttls) == 1


async def test_the_key_is_worked_out_once_for_both_halves() -> None:
    class Inner:
        """Notes the key that its call brings."""

        def __init__(self) -> None:
            self.keys: list[str | None] = []

        async def respond(self, request: ModelRequest, call: CallContext) -> ModelResponse:
            self.keys.append(call.cache_key)
            return ModelResponse(model="m", parts=())

    inner, rules, request = Inner(), CacheRules(provider="p"), a_request()
    provider = CachedClient(inner, MemoryCache(), rules)

    await CachedClient(provider, MemoryCache(), rules).respond(request, CALL)
    await provider.respond(request, replace(CALL, cache_key="another/key"))  # of another provider: it means nothing here

    assert inner.keys == [rules.key(request, CALL)]
    assert rules.key(request, replace(CALL, cache_key="p/known")) == "p/known"
