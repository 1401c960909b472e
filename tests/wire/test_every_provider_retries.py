"""When calls of all providers are tried again, and after how long, over every wire."""

from dataclasses import replace

import anyio
import pytest

from polaris_llm.core.exceptions import LLMAPIError, LLMConnectionError, LLMIntegrationError
from polaris_llm.core.inference import ModelResponse
from polaris_llm.core.llm_client import LLMClient
from polaris_llm.core.stream_folding import fold
from support.cases import HELLO, Case, events_of
from support.model_requests import CALL, ManualTime, a_request
from support.openai_server import OpenAIServer, Reply, http, streamed

pytestmark = pytest.mark.anyio

WAYS = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
USUAL_S = 1.0
"""The wait before the second attempt that nobody named: chance gives all of it."""
DAY = "Mon, 23 Nov 2026"
HINTS: dict[str, tuple[int, dict[str, str], list[float]]] = {
    "seconds": (429, {"retry-after": "18"}, [18.0]),
    "milliseconds win": (503, {"retry-after-ms": "250", "retry-after": "9"}, [0.25]),
    "a date, by the server's clock": (429, {"retry-after": f"{DAY} 10:00:30 GMT", "date": f"{DAY} 10:00:00 GMT"}, [30.0]),
    "nonsense": (500, {"retry-after": "soon"}, [USUAL_S]),
    "try again": (400, {"x-should-retry": "true"}, [USUAL_S]),
    "try again after": (404, {"x-should-retry": "true", "retry-after": "3"}, [3.0]),
    "do not": (503, {"x-should-retry": "false", "retry-after": "1"}, []),
    "do not, though it is a limit": (429, {"x-should-retry": "false"}, []),
    "too long to wait": (429, {"retry-after": "86400"}, []),
}
"""A status, what the headers say beside it, and the waits that follow."""
PASSING = (408, 409, 429, 500, 502, 503, 504, 529)
STAYING = (400, 401, 402, 403, 404, 413, 422)


async def answer(client: LLMClient, *, stream: bool) -> ModelResponse:
    """The answer, whole or folded."""
    with anyio.fail_after(30):
        return fold(await events_of(client)) if stream else await client.respond(a_request(), CALL)


async def waits(case: Case, server: OpenAIServer, *replies: Reply, stream: bool = False) -> list[float]:
    """How long a call that may be tried once more waits for that, in a time that only waiting moves."""
    time = ManualTime()
    server.seen.clear()
    server.replies.clear()
    server.will(*replies, case.answered(HELLO, stream=stream))
    async with case.client(server, time.surroundings, max_retries=1, retry_delay_s=USUAL_S) as client:
        try:
            assert (await answer(client, stream=stream)).attempts == 2
        except LLMAPIError:
            assert len(server.seen) == 1
            assert time.slept == []
    return time.slept


@pytest.mark.parametrize("hint", HINTS)
async def test_what_the_server_says_of_trying_again_is_kept_to(case: Case, server: OpenAIServer, hint: str) -> None:
    status, headers, expected = HINTS[hint]

    assert await waits(case, server, http(status, b"{}", headers)) == expected


async def test_a_status_says_whether_trying_again_may_help(case: Case, server: OpenAIServer) -> None:
    waited = {status: await waits(case, server, http(status)) for status in (*PASSING, *STAYING)}

    assert waited == {status: [USUAL_S] * (status in PASSING) for status in waited}


@WAYS
async def test_a_limit_is_waited_for_as_its_own_dialect_tells(case: Case, server: OpenAIServer, stream: bool) -> None:
    assert await waits(case, server, case.dialect.slow_down, stream=stream) == [7.0]


@WAYS
async def test_a_lost_connection_is_made_again(case: Case, server: OpenAIServer, stream: bool) -> None:
    assert await waits(case, server, Reply(data=b"", cut=True), stream=stream) == [USUAL_S]


async def test_a_server_that_is_away_is_knocked_at_as_often_as_the_settings_say(case: Case) -> None:
    time = ManualTime(chance=0.5)
    async with OpenAIServer() as gone:
        client = case.client(gone, time.surroundings, max_retries=3, retry_delay_s=USUAL_S)

    with pytest.raises(LLMConnectionError) as caught:
        await answer(client, stream=False)
    await client.close()

    assert time.slept == [0.5, 1.0, 2.0]
    assert caught.value.context["attempts"] == 4


async def test_nothing_is_said_twice_unless_it_is_asked_for(case: Case, server: OpenAIServer) -> None:
    time = ManualTime()
    broken = streamed(case.begun(HELLO), case.dialect.in_stream)
    server.will(broken, broken, case.streamed(HELLO))
    async with case.client(server, time.surroundings, max_retries=1) as client:
        with pytest.raises(LLMIntegrationError, match="had arrived"):
            await events_of(client)
        assert (len(server.seen), time.slept) == (1, [])
        again = fold(await events_of(client, restarts_stream=True))

    assert (again.text, again.attempts) == (HELLO.text, 2)


async def test_no_wait_goes_beyond_the_calls_deadline(case: Case, server: OpenAIServer) -> None:
    time = ManualTime()
    server.will(http(429, b"{}", {"retry-after": "18"}))
    async with case.client(server, time.surroundings, max_retries=1) as client:
        with pytest.raises(LLMAPIError):
            await client.respond(a_request(), replace(CALL, remaining_s=10.0))

    assert (len(server.seen), time.slept) == (1, [])


async def test_attempts_at_one_call_say_so_where_the_api_listens(case: Case, server: OpenAIServer) -> None:
    server.will(*[http(503), case.answered(HELLO), http(503), case.answered(HELLO, stream=True)])
    async with case.client(server, ManualTime().surroundings, max_retries=1) as client:
        await client.respond(a_request())
        await events_of(client)

    header = case.offer.idempotency_header
    keys = [seen.headers.get(header or "idempotency-key") for seen in server.seen]
    assert (header is not None) == (case.provider == "openai")
    assert (keys[0], keys[2]) == (keys[1], keys[3])
    assert (keys[0] != keys[2]) == (header is not None)
