"""A provider that the package knows nothing of: its whole codec, and what an installed package would offer."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

from polaris_llm.core.deltas import StreamEvent, StreamFinished, TextDelta
from polaris_llm.core.exceptions import LLMAPIError, LLMConnectionError
from polaris_llm.core.inference import FinishReason, ModelRequest, ModelResponse
from polaris_llm.core.parts import TextPart
from polaris_llm.core.providers.api_errors import api_error
from polaris_llm.core.providers.capabilities import Capabilities
from polaris_llm.core.providers.exchange import HttpCall, HttpReply
from polaris_llm.core.providers.extras import wire_extras
from polaris_llm.core.providers.registry import Provider, WireFormat, plain


@dataclass(frozen=True, slots=True, kw_only=True)
class AcmeCodec:
    """A wire of one line: `{"ask": ...}` is answered by `{"say": ...}`, or by lines of text."""

    provider: str = "acme"
    base_url: str = "https://api.acme.example"
    api_key: str | None = field(default=None, repr=False)
    keep_raw: bool = False

    wire: ClassVar[str] = "acme"

    def encode(self, request: ModelRequest) -> HttpCall:
        """The call that asks the last message."""
        payload = {"ask": request.messages[-1].text, "model": request.model, **wire_extras(request, self.wire)}
        headers = {"content-type": "application/json", "acme-key": self.api_key or ""}
        body = json.dumps(payload).encode()
        return HttpCall(provider=self.provider, request=request, url=self.base_url, headers=headers, body=body, secret=self.api_key)

    def encode_stream(self, request: ModelRequest) -> HttpCall:
        """The same."""
        return self.encode(request)

    def decode(self, call: HttpCall, reply: HttpReply) -> ModelResponse:
        """What it says."""
        return ModelResponse(model=call.request.model, parts=(TextPart(text=json.loads(reply.body)["say"]),), provider=call.provider)

    def decode_error(self, call: HttpCall, reply: HttpReply) -> LLMAPIError:
        """What every codec makes of a status."""
        return api_error(call, reply)

    def stream_decoder(self, call: HttpCall, head: HttpReply) -> "AcmeDecoder":
        """What reads lines of text."""
        return AcmeDecoder(call)


class AcmeDecoder:
    """Takes each `data:` line for text, and `end` for the end."""

    def __init__(self, call: HttpCall) -> None:
        self._call = call
        self._rest = b""
        self.finished = False

    @property
    def complete(self) -> bool:
        """Whether the end has come."""
        return self.finished

    @property
    def arrived(self) -> str:
        """Nobody asks."""
        return "something"

    def feed(self, chunk: bytes) -> Iterator[StreamEvent]:
        """A delta for each line."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in filter(None, lines):
            text = line.removeprefix(b"data: ").decode()
            self.finished = text == "end"
            if self.finished:
                yield StreamFinished(finish_reason=FinishReason.STOP, model=self._call.request.model, provider=self._call.provider)
            else:
                yield TextDelta(text=text)

    def end(self) -> Iterator[StreamEvent]:
        """Nothing may be left."""
        if not self.finished:
            raise LLMConnectionError("acme broke off", **self._call.facts)
        return iter(())


ACME = Provider(
    name="acme",
    wires=(WireFormat(name=AcmeCodec.wire, codec=plain(AcmeCodec), capabilities=Capabilities(tools=False)),),
    base_url="https://api.acme.example",
)
