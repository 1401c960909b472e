"""Which key a call is made with: read when it is needed, and the least used."""

import asyncio
from pathlib import Path

import pytest
from pydantic import SecretStr

from polaris_llm.core.exceptions import LLMAPIError, LLMAuthenticationError, LLMConfigurationError, LLMQuotaExceededError, LLMRateLimitError
from polaris_llm.core.providers.keys import Codecs, KeyReference, KeyRing
from polaris_llm.core.providers.openai_chat import OpenAIChatCodec
from polaris_llm.core.secrets import current
from support import secret_functions
from support.model_requests import ManualTime, a_request

pytestmark = pytest.mark.anyio

KEYS = tuple(SecretStr(f"key-number-{number}") for number in range(3))


async def used(ring: KeyRing) -> str | None:
    async with ring.using() as key:
        return key


async def test_each_call_takes_the_key_that_was_used_least() -> None:
    ring = KeyRing(KEYS)

    assert [await used(ring) for _ in range(6)] == [key.get_secret_value() for key in KEYS] * 2


async def test_a_key_that_is_in_use_waits_for_its_turn() -> None:
    ring = KeyRing(KEYS[:2])

    async with ring.using() as busy:
        others = {await used(ring) for _ in range(5)}

    assert (busy, others) == ("key-number-0", {"key-number-1"})


async def test_a_ring_without_keys_gives_none() -> None:
    assert await used(KeyRing()) is None


async def test_a_file_that_changes_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "key"
    ring = KeyRing((f"file:{path}",))
    path.write_text("first-key\n")
    first = await used(ring)

    path.write_text("second-key\n")

    assert (first, await used(ring)) == ("first-key", "second-key")


async def test_an_environment_variable_is_read_when_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    ring = KeyRing(("env:POLARIS_ROTATED_KEY",))
    monkeypatch.setenv("POLARIS_ROTATED_KEY", "first-key")
    first = await used(ring)

    monkeypatch.setenv("POLARIS_ROTATED_KEY", "second-key")

    assert (first, await used(ring)) == ("first-key", "second-key")


@pytest.mark.parametrize("reference", ["call:support.secret_functions:renewed", secret_functions.renewed, secret_functions.renewed_later])
async def test_a_function_is_called_for_each_use(reference: KeyReference) -> None:
    first, second = await current(reference), await current(reference)

    assert first != second
    assert first.startswith("token-")


@pytest.mark.parametrize(
    ("reference", "problem"),
    [
        ("call:support.secret_functions:empty", "empty gave a str in place of a secret"),
        ("call:support.secret_functions:NO_FUNCTION", "names a int: give a function"),
        ("call:support.secret_functions:missing", "cannot be loaded"),
        ("call:no_such_module:key", "No module named 'no_such_module'"),
        ("file:/no/such/file", "cannot read file:/no/such/file"),
        ("sk-live-4711", "not a reference to a secret"),
    ],
)
async def test_a_secret_that_is_not_given_is_told_without_repeating_anything(reference: str, problem: str) -> None:
    with pytest.raises(LLMConfigurationError, match=problem) as caught:
        await current(reference)

    assert "4711" not in f"{caught.value} {caught.value.to_dict()}"


async def test_a_function_that_fails_may_work_another_time_and_its_words_are_not_told() -> None:
    with pytest.raises(LLMAuthenticationError, match="broken, which gives a secret, failed with ValueError") as caught:
        await current("call:support.secret_functions:broken")

    assert caught.value.retryable
    assert "4711" not in f"{caught.value} {caught.value.to_dict()} {caught.value.__cause__}"


async def test_concurrent_calls_spread_over_the_keys() -> None:
    ring = KeyRing(KEYS)
    taken: list[str | None] = []
    go = asyncio.Event()

    async def call() -> None:
        async with ring.using() as key:
            taken.append(key)
            await go.wait()

    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        for _ in range(6):
            tasks.create_task(call())
        while len(taken) < 6:
            await asyncio.sleep(0)
        go.set()

    assert sorted(filter(None, taken)) == sorted([key.get_secret_value() for key in KEYS] * 2)


async def test_the_codec_carries_the_key_that_was_chosen() -> None:
    codecs = Codecs("openai_chat", lambda key: OpenAIChatCodec(api_key=key), KeyRing(KEYS[:2]))
    headers = []

    for _ in range(2):
        async with codecs.using_one() as codec:
            headers.append(codec.encode(a_request()).headers["authorization"])

    assert headers == ["Bearer key-number-0", "Bearer key-number-1"]


@pytest.mark.parametrize("error", [LLMAuthenticationError("revoked"), LLMQuotaExceededError("spent"), LLMRateLimitError("slow", 5.0)])
async def test_a_key_that_is_refused_rests_and_another_one_is_tried_at_once(error: LLMAPIError) -> None:
    time = ManualTime()
    ring = KeyRing(KEYS[:2], lambda: time.now)

    with pytest.raises(type(error)):
        async with ring.using():
            raise error
    others = {await used(ring) for _ in range(4)}
    await time.sleep(61.0)
    later = {await used(ring) for _ in range(8)}

    assert (error.retryable, error.retry_after) == (True, 0.0)
    assert (others, later) == ({"key-number-1"}, {"key-number-0", "key-number-1"})


async def test_when_every_key_is_refused_the_refusal_stands() -> None:
    ring = KeyRing(KEYS[:2], lambda: 0.0)
    errors = [LLMAuthenticationError("revoked"), LLMAuthenticationError("revoked")]

    for error in errors:
        with pytest.raises(LLMAuthenticationError):
            async with ring.using():
                raise error

    assert [error.retryable for error in errors] == [True, False]


async def test_the_refusal_of_an_only_key_stands() -> None:
    error = LLMRateLimitError("slow", 5.0)

    with pytest.raises(LLMRateLimitError):
        async with KeyRing(KEYS[:1]).using():
            raise error

    assert error.retry_after == 5.0
