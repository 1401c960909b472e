"""The server-sent events of one call's answer, and the typed errors of a stream that cannot be read or ends too soon. For all codecs."""

from collections.abc import Iterator

from ..exceptions import LLMAPIError, LLMConnectionError
from .exchange import HttpCall
from .sse import ServerSentEvent, SseDecoder


class SentEvents:
    """The events of one stream."""

    def __init__(self, call: HttpCall) -> None:
        self._call = call
        self._decoder = SseDecoder()

    def feed(self, chunk: bytes) -> Iterator[ServerSentEvent]:
        """The events that end in this chunk; raises LLMAPIError for one that is too large."""
        try:
            yield from self._decoder.feed(chunk)
        except ValueError as error:
            raise LLMAPIError(f"{self._call.provider} sent what cannot be read: {error}", retryable=False, **self._call.facts) from None

    def broken_off(self) -> LLMConnectionError:
        """The error of an answer that is not complete when no more comes."""
        return LLMConnectionError(
            f"the stream of {self._call.provider} for model {self._call.request.model!r} broke off", **self._call.facts
        )
