"""A server that speaks Gemini, and a model that asks it."""

import anyio
from pydantic import SecretStr

from polaris_llm.core.deltas import StreamEvent
from polaris_llm.core.providers.attempts import RetryPolicy
from polaris_llm.core.providers.google import GoogleCodec
from polaris_llm.core.providers.http_model import HttpModel
from polaris_llm.core.providers.keys import Codecs, KeyRing
from polaris_llm.core.providers.transport import HttpTransport

from .google_answers import answer
from .model_requests import CALL, a_request
from .openai_server import OpenAIServer, sse, streamed

KEY = "AIza-very-secret-key"


def texts(*pieces: str) -> bytes:
    """The events of some text."""
    return sse(*(answer({"text": text}, finish_reason=None, usageMetadata=None) for text in pieces))


FINISH = sse(answer())
FULL = streamed(texts("Hello."), FINISH)


def model_of(server: OpenAIServer, timeout_s: float = 5.0) -> HttpModel:
    """A model at the server that is quick to try again."""
    root = server.url.removesuffix("/v1")
    codecs = Codecs("google", lambda key: GoogleCodec(base_url=root, api_key=key), KeyRing([SecretStr(KEY)]))
    return HttpModel(codecs, HttpTransport(), RetryPolicy(max_attempts=3, timeout_s=timeout_s, base_delay_s=0.01))


async def events_of(model: HttpModel) -> list[StreamEvent]:
    """All events of a request's stream."""
    with anyio.fail_after(20):
        return [event async for event in model.stream(a_request(), CALL)]
