"""The JSON of an answer or of one event in it, or the typed error that stands in its place. For all codecs."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from ..canonical import MAX_DEPTH, is_too_deep
from ..exceptions import LLMAPIError, LLMResponseParsingError
from ..wire_json import json_value, raw_json_value
from .api_errors import Dialect, api_error, error_code, usual_words
from .exchange import HttpCall, HttpReply
from .wire_values import Wire


@dataclass(frozen=True, slots=True, kw_only=True)
class Payloads:
    """Reads what one call brought."""

    call: HttpCall
    head: HttpReply
    """The reply, of which the body does not count."""
    expected: str
    """What the answer should have been, in words."""
    dialect: Dialect = usual_words

    def whole(self, text: str) -> Wire:
        """The object that an answer is; raises LLMResponseParsingError."""
        return self.object_in(self.value_of(text), text)

    def event(self, data: str, read: Callable[[str], Any] = raw_json_value) -> Wire:
        """The object that an event is; raises LLMResponseParsingError. Halves of characters are kept: the other may come with the next."""
        try:
            payload = read(data)
        except (ValueError, RecursionError) as error:
            raise self.unreadable(data, "has an event that is no JSON") from error
        if not isinstance(payload, dict):
            raise self.unreadable(data, "has an event that is no JSON object")
        return payload

    def value_of(self, text: str) -> Any:  # whatever stands there
        """The JSON that an answer is; raises LLMResponseParsingError."""
        try:
            return json_value(text)
        except (ValueError, RecursionError) as error:
            raise self.unreadable(text, "is no JSON") from error

    def object_in(self, value: object, text: str) -> Wire:
        """The value, if it is an object; raises LLMResponseParsingError."""
        if not isinstance(value, dict):
            raise self.unreadable(text, "is no JSON object")
        return value

    def unreadable(self, text: str, why: str) -> LLMResponseParsingError:
        """The error for what cannot be read; `why` goes on after "the answer of ... for model ..."."""
        call, kind = self.call, self.head.headers.get("content-type", "no content type")
        size = len(text.encode("utf-8", "replace"))
        message = f"the answer of {call.provider} for model {call.request.model!r} {why} ({size} bytes, {kind[:100]})"
        return LLMResponseParsingError(
            message,
            response_content=call.scrubbed(text),
            expected_format=self.expected,
            provider=call.provider,
            model_name=call.request.model,
            context={"status_code": self.head.status, "api_endpoint": call.endpoint, "request_id": call.request.request_id},
        )

    def failed(self, payload: Wire) -> LLMAPIError:
        """The error that a payload is, under the status that it should have come with."""
        if is_too_deep(payload):
            payload = {"error": f"an error nested deeper than {MAX_DEPTH} levels"}
        code = error_code(payload) or ""
        status = int(code) if code.isdecimal() and 400 <= int(code) < 600 else self.head.status
        return api_error(self.call, replace(self.head, status=status, body=json.dumps(payload).encode()), self.dialect)
