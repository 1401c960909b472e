"""What streams, and how a port that does not is read as if it did."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Protocol, runtime_checkable

from .call_context import CallContext
from .deltas import StreamEvent
from .inference import ModelRequest
from .ports import ModelPort
from .stream_folding import unfold


@runtime_checkable
class StreamingModelPort(ModelPort, Protocol):
    """A ModelPort whose answers also come in pieces."""

    def stream_events(self, request: ModelRequest, call: CallContext) -> AsyncGenerator[StreamEvent, None]:
        """The answer as it comes; leaving early stops it. Raises LLMIntegrationError."""
        ...


async def events_of(port: ModelPort, request: ModelRequest, call: CallContext) -> AsyncGenerator[StreamEvent, None]:
    """The port's answer as it comes, or in pieces once it is there; raises LLMIntegrationError."""
    if isinstance(port, StreamingModelPort):
        async with aclosing(port.stream_events(request, call)) as events:
            async for event in events:
                yield event
        return
    for event in unfold(await port.respond(request, call)):
        yield event
