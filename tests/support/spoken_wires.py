"""Every wire that has a codec, as its server speaks it: what a test of all wires alike needs to know. A new wire adds a line at the end."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from polaris_llm.core.client import HttpClient, HttpOptions
from polaris_llm.core.models import LLMProvider

from . import responses_streams as responses
from .openai_clients import configuration
from .openai_server import DONE, FINISH, USAGE, OpenAIServer, completion, sse, texts


@dataclass(frozen=True, slots=True, kw_only=True)
class SpokenWire:
    """One wire, and how its server says things."""

    name: str
    provider: LLMProvider
    """Who speaks it."""
    whole: Callable[[str], dict[str, Any]]
    """A whole answer of one text."""
    begun: Callable[..., bytes]
    """The beginning of a stream: some pieces of text."""
    ended: Callable[..., bytes]
    """A whole stream: some pieces of text, and the end."""
    broken: bytes
    """The event of a server that breaks down in a stream."""

    def client(self, server: OpenAIServer, **changes: Any) -> HttpClient:
        """A client that speaks it with the server; `changes` are the configuration's."""
        return HttpClient(configuration(server, self.provider, **changes), HttpOptions(wire=self.name, keep_raw=False))


def _responses_begun(*pieces: str) -> bytes:
    opened = responses.event("response.output_item.added", output_index=0, item=responses.message())
    place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    return sse(opened, *(responses.event("response.output_text.delta", delta=piece, **place) for piece in pieces))


def _responses_ended(*pieces: str) -> bytes:
    item = responses.message("".join(pieces))
    done = responses.event("response.output_item.done", output_index=0, item=item)
    return _responses_begun(*pieces) + sse(done, responses.ending(responses.payload(item)))


WIRES = (
    SpokenWire(
        name="openai_chat",
        provider=LLMProvider.LOCAL,
        whole=lambda text: completion({"role": "assistant", "content": text}),
        begun=texts,
        ended=lambda *pieces: texts(*pieces) + FINISH + USAGE + DONE,
        broken=sse({"error": {"message": "out of memory", "code": 500}}),
    ),
    SpokenWire(
        name="openai_responses",
        provider=LLMProvider.OPENAI,
        whole=lambda text: responses.payload(responses.message(text)),
        begun=_responses_begun,
        ended=_responses_ended,
        broken=sse(responses.event("error", code="server_error", message="out of memory")),
    ),
)
