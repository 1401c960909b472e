"""What holds for the failures of all providers, over every wire of every provider: a server's faults in, typed errors out."""

from collections.abc import AsyncIterator

import pytest

from polaris_llm.core.exceptions import (
    LLMAPIError,
    LLMAuthenticationError,
    LLMBadRequestError,
    LLMConnectionError,
    LLMContentFilterError,
    LLMContextWindowError,
    LLMIntegrationError,
    LLMNotFoundError,
    LLMOverloadedError,
    LLMPermissionError,
    LLMQuotaExceededError,
    LLMRateLimitError,
    LLMResponseParsingError,
    LLMServerError,
    LLMTimeoutError,
)
from polaris_llm.core.inference import FinishReason
from polaris_llm.core.llm_client import LLMClient
from polaris_llm.core.stream_folding import fold
from support.cases import HELLO, KEY, PROMPT, Case, events_of, failure
from support.model_requests import CALL, a_request
from support.openai_server import END, OpenAIServer, Reply, as_json, chunk, held_after, http, stream_head, streamed

pytestmark = pytest.mark.anyio

WAYS = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


@pytest.fixture
async def client(case: Case, server: OpenAIServer) -> AsyncIterator[LLMClient]:
    """A client of the case that tries once."""
    async with case.client(server) as client:
        yield client


@WAYS
async def test_a_slow_first_byte_is_a_timeout(case: Case, server: OpenAIServer, stream: bool) -> None:
    server.will(held_after())
    async with case.client(server, timeout_s=0.3) as client:
        error = await failure(client, LLMTimeoutError, stream=stream)

    assert isinstance(error, LLMTimeoutError)
    assert error.phase == ("first_byte" if stream else "total")


async def test_a_stall_is_told_with_how_much_had_arrived(case: Case, server: OpenAIServer) -> None:
    server.will(held_after(case.begun(HELLO)))
    async with case.client(server, timeout_s=0.5) as client:
        error = await failure(client, LLMTimeoutError, stream=True)

    assert isinstance(error, LLMTimeoutError)
    assert error.phase == "idle"
    assert "had arrived" in error.message


@pytest.mark.parametrize("rest", [b'data: {"half', "data: ü".encode()[:-1], b""], ids=["in an event", "in a character", "between events"])
async def test_a_cut_is_told_with_how_much_had_arrived_and_not_repeated(case: Case, server: OpenAIServer, rest: bytes) -> None:
    server.will(Reply(data=stream_head() + chunk(case.begun(HELLO) + rest), cut=True))
    async with case.client(server, max_retries=2) as client:
        error = await failure(client, LLMConnectionError, stream=True)

    assert "broke off" in error.message
    assert "had arrived" in error.message
    assert len(server.seen) == 1


@WAYS
@pytest.mark.parametrize("body", [b"", b"<html>Welcome</html>", b"[]", b'{"half'])
async def test_an_answer_that_is_none_is_a_typed_error(
    case: Case, server: OpenAIServer, client: LLMClient, body: bytes, stream: bool
) -> None:
    server.will(http(200, body, {"content-type": "text/html"}))

    error = await failure(client, LLMIntegrationError, stream=stream)

    assert isinstance(error, LLMResponseParsingError | LLMConnectionError)
    assert error.context["provider"] == case.provider


@WAYS
async def test_an_html_502_is_tried_again_and_told_by_its_status(case: Case, server: OpenAIServer, stream: bool) -> None:
    server.will(*[http(502, b"<html><h1>Bad Gateway</h1></html>", {"content-type": "text/html"})] * 2)
    async with case.client(server, max_retries=1) as client:
        error = await failure(client, LLMServerError, stream=stream)

    assert isinstance(error, LLMServerError)
    assert (error.status_code, error.provider, error.model_name, error.request_id) == (502, case.provider, "a-model", "request-1")
    assert "Bad Gateway" in error.message
    assert error.context["attempts"] == 2


@WAYS
@pytest.mark.parametrize("fault", [http(503), Reply(data=b"", cut=True), Reply(data=stream_head() + chunk(b": ping\n\n"), cut=True)])
async def test_a_failure_before_anything_was_seen_is_made_good_by_a_second_attempt(
    case: Case, server: OpenAIServer, fault: Reply, stream: bool
) -> None:
    server.will(fault, case.streamed(HELLO) if stream else as_json(200, case.dialect.whole(HELLO)))
    async with case.client(server, max_retries=1) as client:
        response = fold(await events_of(client)) if stream else await client.respond(a_request(), CALL)

    assert (response.text, response.attempts) == (HELLO.text, 2)


async def test_an_error_that_is_a_streams_first_event_is_tried_again(case: Case, server: OpenAIServer) -> None:
    server.will(streamed(case.dialect.in_stream), case.streamed(HELLO))
    async with case.client(server, max_retries=1) as client:
        assert fold(await events_of(client)).attempts == 2


@WAYS
async def test_a_redirect_is_an_error(case: Case, server: OpenAIServer, client: LLMClient, stream: bool) -> None:
    server.will(http(308, b"", {"location": "https://elsewhere.example/v1?token=x"}))

    error = await failure(client, LLMAPIError, stream=stream)

    assert "a redirect to elsewhere.example" in error.message
    assert not error.retryable


@WAYS
@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, LLMBadRequestError), (401, LLMAuthenticationError), (403, LLMPermissionError), (404, LLMNotFoundError)],
)
async def test_a_refusal_says_by_its_type_who_must_act_and_why_in_the_providers_words(
    case: Case, server: OpenAIServer, client: LLMClient, status: int, kind: type[LLMAPIError], stream: bool
) -> None:
    server.will(as_json(status, {"error": {"message": f"not at full moon: {PROMPT}"}}))

    error = await failure(client, kind, stream=stream)

    assert isinstance(error, LLMAPIError)
    assert type(error) is kind
    assert (error.status_code, error.provider, error.model_name, error.request_id) == (status, case.provider, "a-model", "request-1")
    assert (error.retryable, error.retry_after) == (False, None)
    assert "not at full moon" in error.message


@WAYS
async def test_a_prompt_too_long_is_told_from_other_refusals(case: Case, server: OpenAIServer, client: LLMClient, stream: bool) -> None:
    server.will(case.dialect.too_long)

    error = await failure(client, LLMContextWindowError, stream=stream)

    assert not error.retryable


@WAYS
async def test_what_the_rules_forbid_is_no_answer(case: Case, server: OpenAIServer, client: LLMClient, stream: bool) -> None:
    server.will(case.dialect.forbidden)

    if case.dialect.forbidden.data.startswith(b"HTTP/1.1 200"):
        response = fold(await events_of(client)) if stream else await client.respond(a_request(), CALL)
        assert (response.finish_reason, response.text) == (FinishReason.CONTENT_FILTER, "")
    else:
        assert not (await failure(client, LLMContentFilterError, stream=stream)).retryable


async def test_a_rate_limit_says_how_long_to_wait(case: Case, server: OpenAIServer, client: LLMClient) -> None:
    server.will(case.dialect.slow_down)

    error = await failure(client, LLMRateLimitError)

    assert type(error) is LLMRateLimitError
    assert error.retryable
    assert error.retry_after is not None
    assert 0 < error.retry_after <= 10
    assert error.limit


async def test_an_empty_purse_is_not_tried_again(case: Case, server: OpenAIServer) -> None:
    server.will(case.dialect.no_funds)
    async with case.client(server, max_retries=2) as client:
        error = await failure(client, LLMQuotaExceededError)

    assert not error.retryable
    assert len(server.seen) == 1


async def test_an_error_in_the_stream_is_typed_and_says_how_much_had_arrived(case: Case, server: OpenAIServer, client: LLMClient) -> None:
    server.will(streamed(case.begun(HELLO), case.dialect.in_stream))

    error = await failure(client, LLMAPIError, stream=True)

    assert isinstance(error, LLMOverloadedError | LLMServerError)
    assert error.retryable
    assert "had arrived" in error.message


@WAYS
@pytest.mark.parametrize("status", [200, 500])
async def test_an_error_that_is_nested_beyond_sense_is_an_error(
    case: Case, server: OpenAIServer, client: LLMClient, status: int, stream: bool
) -> None:
    body = b'{"error": ' + b"[" * 900 + b"]" * 900 + b"}"
    server.will(streamed(b"data: " + body + b"\n\n") if stream and status == 200 else http(status, body))

    assert (await failure(client, LLMAPIError, stream=stream)).context["status_code"] == status


async def test_a_refused_key_is_not_tried_again_and_told_by_whom(case: Case, server: OpenAIServer) -> None:
    server.will(as_json(401, {"error": {"message": f"bad key {KEY}"}}))
    async with case.client(server, max_retries=2) as client:
        error = await failure(client, LLMAPIError)

    assert error.context["status_code"] == 401
    assert len(server.seen) == 1


async def test_a_body_that_ends_without_an_end_is_a_broken_stream(case: Case, server: OpenAIServer, client: LLMClient) -> None:
    server.will(Reply(data=stream_head() + chunk(case.begun(HELLO)) + END))

    await failure(client, LLMConnectionError, stream=True)
