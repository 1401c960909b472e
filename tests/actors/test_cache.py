"""The cache actor as a plain object, and its handle over a link: bounded, and never in anybody's way."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from polaris_llm.actors.cache import CacheActor, CacheHandle
from polaris_llm.actors.connection import greeting
from polaris_llm.actors.engine import ActorSpec
from polaris_llm.actors.inline_engine import InlineEngine
from polaris_llm.actors.links import Links
from polaris_llm.core.call_context import CallContext
from polaris_llm.core.exceptions import ActorError
from support.runtime_tools import DEADLINE_S

CALL = CallContext()


@pytest.fixture
async def handle() -> AsyncIterator[CacheHandle]:
    engine = InlineEngine(greeting(), pickles=True)
    links = Links(engine, "client", greeting(), timeout_s=0.2)
    await engine.create(ActorSpec(name="cache", factory=f"{__name__}:small_cache"))
    yield CacheHandle(links.to("cache"))
    await engine.stop("cache")
    await links.close()


def small_cache(links: Links) -> CacheActor:
    return CacheActor(max_entries=2, max_bytes=10_000)


def test_a_value_is_kept_for_its_time_only() -> None:
    cache = CacheActor(max_entries=10, max_bytes=1_000)

    assert cache.put_all(CALL, [("kept", b"value", 60.0), ("not kept", b"value", 0.0)]) == 1

    assert cache.get(CALL, "kept") == b"value"
    assert cache.get(CALL, "not kept") is None


def test_the_longest_unused_goes_when_there_is_no_room() -> None:
    cache = CacheActor(max_entries=2, max_bytes=1_000)
    cache.put_all(CALL, [(key, b"value", 60.0) for key in ("a", "b")])
    cache.get(CALL, "a")

    cache.put_all(CALL, [("c", b"value", 60.0)])

    assert [cache.get(CALL, key) for key in ("a", "b", "c")] == [b"value", None, b"value"]


def test_a_value_larger_than_the_cache_is_refused() -> None:
    cache = CacheActor(max_entries=2, max_bytes=10)

    assert cache.put_all(CALL, [("key", b"v" * 11, 60.0)]) == 0
    assert cache.health()["rejections"] == 1


def test_health_tells_how_useful_it_is() -> None:
    cache = CacheActor(max_entries=2, max_bytes=1_000)
    cache.put_all(CALL, [("key", b"value", 60.0)])
    cache.get(CALL, "key")
    cache.get(CALL, "other")

    health = cache.health()

    assert (health["entries"], health["bytes_held"], health["hits"], health["misses"]) == (1, 8, 1, 1)


@pytest.mark.anyio
async def test_the_handle_keeps_and_finds_values(handle: CacheHandle) -> None:
    await handle.put("key", b"value", 60.0)

    assert await handle.get("key") == b"value"
    assert await handle.get("other") is None


@pytest.mark.anyio
async def test_the_first_value_after_a_cache_was_replaced_is_kept() -> None:
    engine, spec = InlineEngine(greeting(), pickles=True), ActorSpec(name="cache", factory=f"{__name__}:small_cache")
    links = Links(engine, "client", greeting(), timeout_s=DEADLINE_S)
    handle = CacheHandle(links.to("cache"))
    await engine.create(spec)
    await handle.put("early", b"value", 60.0)
    await engine.stop("cache")
    await engine.create(spec)

    await handle.put("key", b"value", 60.0)

    assert (await handle.get("early"), await handle.get("key")) == (None, b"value")
    await links.close()


@pytest.mark.anyio
async def test_a_cache_that_is_not_there_is_an_error_soon(handle: CacheHandle) -> None:
    absent = CacheHandle(Links(InlineEngine(greeting()), "client", greeting(), timeout_s=0.05).to("nowhere"))

    with pytest.raises(ActorError):
        await asyncio.wait_for(absent.get("key"), DEADLINE_S)
