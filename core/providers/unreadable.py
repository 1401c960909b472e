"""The typed error of an answer that came, and cannot be read. For all HTTP codecs."""

from ..exceptions import LLMResponseParsingError
from .exchange import HttpCall, HttpReply


def unreadable(call: HttpCall, reply: HttpReply, why: str, expected_format: str) -> LLMResponseParsingError:
    """The error for such an answer; `why` goes on after "the answer of ... for model ..."."""
    kind = reply.headers.get("content-type", "no content type")
    message = f"the answer of {call.provider} for model {call.request.model!r} {why} ({len(reply.body)} bytes, {kind[:100]})"
    return LLMResponseParsingError(
        message,
        response_content=call.scrubbed(reply.text),
        expected_format=expected_format,
        provider=call.provider,
        model_name=call.request.model,
        context={"status_code": reply.status, "api_endpoint": call.endpoint, "request_id": call.request.request_id},
    )
