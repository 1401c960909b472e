"""Provider actors behind `runtime.client()` and behind sessions: caching, joining, limits, errors, and what happens when they die."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from polaris_llm.actors.runtime import LLMRuntime
from polaris_llm.core.client import LLMClient
from polaris_llm.core.exceptions import LLMAPIError, LLMConfigurationError
from polaris_llm.core.inference import CachePolicy, ModelRequest, ModelResponse
from polaris_llm.core.models import LLMProvider, LLMRequest, Message, MessageRole
from support.model_requests import a_request
from support.runtime_access import joined, kill, killing, names_of, new_id, started
from support.runtime_model import ASKED, HOOKS, answer, fail, hook, plan, times_asked
from support.runtime_tools import DEADLINE_S


@pytest.fixture(scope="module")
def runtime() -> Iterator[LLMRuntime]:
    slow = {"script": "support.runtime_model:play", "latency_s": 0.1}
    with started(providers={"slow": slow, "hot": {"script": "support.runtime_model:play", "temperature": 0.9}}) as runtime:
        yield runtime


async def ask(client: LLMClient, request: ModelRequest) -> ModelResponse:
    return await asyncio.wait_for(client.respond(request), DEADLINE_S)


def times_seen(text: str) -> int:
    """How often the model itself was asked with this text."""
    return sum(request.messages[-1].text == text for request in ASKED)


@pytest.mark.anyio
async def test_the_client_is_an_ordinary_one(runtime: LLMRuntime) -> None:
    request = LLMRequest(
        messages=[Message(role=MessageRole.USER, content="hello")], model_name="mock-model", max_tokens=100, temperature=0.1
    )

    async with runtime.client() as client:
        response = await client.generate_response(request)
        words = [word async for word in client.generate_stream(request)]

    assert (response.content, client.get_provider()) == ("heard: hello", LLMProvider.MOCK)
    assert "".join(words) == "heard: hello"


@pytest.mark.anyio
async def test_an_answer_that_was_given_before_is_taken_from_the_cache_and_says_so(runtime: LLMRuntime) -> None:
    text = new_id()
    first, second = [await ask(runtime.client(), a_request(text, request_id=f"request-{number}")) for number in range(2)]

    assert [first.cached, second.cached] == [False, True]
    assert (first.text, first.response_id) == (second.text, second.response_id)
    assert times_seen(text) == 1


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("changes", "times"),
    [
        ({}, 1),
        ({"temperature": 0.9}, 2),
        ({"temperature": 0.9, "cache": CachePolicy(ttl_s=60.0)}, 1),
        ({"cache": CachePolicy(mode="bypass")}, 2),
        ({"cache": CachePolicy(mode="refresh")}, 2),
        ({"cache": CachePolicy(ttl_s=0.0)}, 2),
    ],
)
async def test_a_request_says_whether_the_cache_has_a_part_in_it(runtime: LLMRuntime, changes: dict[str, object], times: int) -> None:
    text = new_id()
    responses = [await ask(runtime.client(), a_request(text, **changes)) for _ in range(2)]

    assert times_seen(text) == times
    assert [response.cached for response in responses] == [False, times == 1]


@pytest.mark.anyio
async def test_the_cache_is_shared_by_sessions_and_clients(runtime: LLMRuntime) -> None:
    text = new_id()
    other = joined(runtime)

    outcomes = [await (await each.asubmit(text)).aresult(DEADLINE_S) for each in (runtime, runtime, other)]

    assert [outcome.cache_hits for outcome in outcomes] == [0, 1, 1]
    assert times_seen(text) == 1
    await asyncio.to_thread(other.close)


@pytest.mark.anyio
async def test_a_hot_provider_is_not_cached(runtime: LLMRuntime) -> None:
    text = new_id()
    for _ in range(2):
        await (await runtime.asubmit(text, provider="hot")).aresult(DEADLINE_S)

    assert times_seen(text) == 2


@pytest.mark.anyio
async def test_identical_calls_at_the_same_time_are_one_call_whoever_makes_them(runtime: LLMRuntime) -> None:
    text = new_id()
    other = joined(runtime)
    clients = [runtime.client("slow"), runtime.client("slow"), other.client("slow")]

    responses = await asyncio.gather(*(ask(client, a_request(text)) for client in clients))

    assert times_seen(text) == 1
    assert sorted(response.cached for response in responses) == [False, True, True]
    assert {response.response_id for response in responses} == {responses[0].response_id}
    await asyncio.to_thread(other.close)


@pytest.mark.anyio
async def test_the_providers_error_arrives_as_it_was_raised(runtime: LLMRuntime) -> None:
    with pytest.raises(LLMAPIError, match="no such model") as raised:
        await ask(runtime.client(), a_request(plan(fail("no such model"))))

    assert (raised.value.status_code, raised.value.retryable) == (400, False)
    assert raised.value.context == {"plan": "to fail", "status_code": 400, "attempts": 1}


def test_a_client_of_an_unknown_provider_is_refused(runtime: LLMRuntime) -> None:
    with pytest.raises(LLMConfigurationError, match="unknown provider 'other'; known: default, slow, hot"):
        runtime.client("other")


@pytest.mark.anyio
async def test_without_caching_every_call_asks_the_model() -> None:
    text = new_id()
    with started(caching={"enabled": False}) as runtime:
        responses = [await ask(runtime.client(), a_request(text)) for _ in range(2)]

        assert names_of(runtime).cache not in runtime.health()["actors"]

    assert [response.cached for response in responses] == [False, False]
    assert times_seen(text) == 2


def test_the_key_stays_with_the_provider_actor(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("sk-very-secret")
    llm = {"kind": "local", "base_url": "http://127.0.0.1:9/v1", "model": "tiny", "api_key": f"file:{key}", "script": None}
    with started(llm=llm) as runtime:
        client = runtime.client()

        assert client.config.api_key is None
        assert "sk-very-secret" not in repr(runtime.settings) + repr(client.config)


def test_more_calls_than_a_provider_takes_at_once_wait_for_their_turn() -> None:
    with started(llm={"latency_s": 0.02, "max_in_flight": 1}) as runtime:
        sessions = runtime.submit_many([new_id() for _ in range(6)])

        assert all(session.result(DEADLINE_S).ok for session in sessions)


def test_a_flaky_provider_is_asked_again_by_itself() -> None:
    with started(llm={"failure_rate": 0.5, "retry_delay_s": 0.001, "max_retries": 30}) as runtime:
        sessions = runtime.submit_many([new_id() for _ in range(8)])

        assert all(session.result(DEADLINE_S).ok for session in sessions)


@pytest.mark.anyio
async def test_a_slow_model_has_the_time_that_its_settings_give_it() -> None:
    with started(llm={"latency_s": 1.2}, runtime={"ask_timeout_s": 1.0}) as runtime:
        assert (await ask(runtime.client(), a_request("hello"))).text == "heard: hello"


def test_a_call_under_way_when_its_provider_dies_is_made_once_more() -> None:
    session_id = new_id()
    with started() as runtime:
        kill_it = killing(runtime, names_of(runtime).provider("default"))
        HOOKS[session_id] = lambda: kill_it() if times_asked(session_id, 1) == 1 else None

        outcome = runtime.submit(plan(hook(session_id, answer("done"))), session_id=session_id).result(DEADLINE_S)

        assert outcome.result == "done"
        assert times_asked(session_id, 1) == 2


def test_a_call_whose_provider_dies_twice_fails_its_run() -> None:
    session_id = new_id()
    with started() as runtime:
        HOOKS[session_id] = killing(runtime, names_of(runtime).provider("default"))

        outcome = runtime.submit(plan(hook(session_id, answer("done"))), session_id=session_id).result(DEADLINE_S)

        assert outcome.status == "failed"
        assert outcome.error is not None
        assert outcome.error.code == "OUTCOME_UNKNOWN"
        assert times_asked(session_id, 1) == 2


@pytest.mark.anyio
async def test_a_client_outlives_its_provider() -> None:
    with started() as runtime:
        client = runtime.client()
        assert (await ask(client, a_request("one"))).text == "heard: one"

        kill(runtime, names_of(runtime).provider("default"))

        assert (await ask(client, a_request("two"))).text == "heard: two"


@pytest.mark.anyio
async def test_a_dead_cache_is_done_without_until_it_is_back() -> None:
    with started() as runtime:
        client = runtime.client()
        await ask(client, a_request("one"))

        kill(runtime, names_of(runtime).cache)

        responses = [await ask(client, a_request("one")) for _ in range(3)]
        assert [response.text for response in responses] == ["heard: one"] * 3
        assert responses[-1].cached
