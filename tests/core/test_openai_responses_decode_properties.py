"""Whatever a server says over the wire of OpenAI's responses is an answer that can be kept and sent back, or a typed error."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polaris_llm.core.canonical import canonical_json
from polaris_llm.core.exceptions import LLMIntegrationError
from polaris_llm.core.inference import MODEL_RESPONSE
from polaris_llm.core.providers.exchange import HttpReply
from support.model_requests import a_request
from support.model_strategies import JSON_VALUES
from support.responses_streams import CALL, CODEC, decoded

MEMBERS = {name: JSON_VALUES for name in ("id", "status", "call_id", "name", "arguments", "role")}
ENTRIES = st.fixed_dictionaries(
    {}, optional={"type": JSON_VALUES | st.sampled_from(["output_text", "refusal"]), "text": JSON_VALUES, "refusal": JSON_VALUES}
)
ODD_ITEMS = st.fixed_dictionaries(
    {"type": JSON_VALUES | st.sampled_from(["message", "reasoning", "function_call"])},
    optional={
        **MEMBERS,
        "content": JSON_VALUES | st.lists(JSON_VALUES | ENTRIES),
        "summary": JSON_VALUES | st.lists(JSON_VALUES | ENTRIES),
    },
)
ODD_PAYLOADS = JSON_VALUES | st.fixed_dictionaries(
    {"output": JSON_VALUES | st.lists(JSON_VALUES | ODD_ITEMS, max_size=3)},
    optional={name: JSON_VALUES for name in ("id", "model", "status", "error", "incomplete_details", "usage", "service_tier")},
)


@given(ODD_PAYLOADS)
def test_whatever_a_server_says_is_an_answer_or_a_typed_error(wire: object) -> None:
    try:
        response = decoded(wire)
    except LLMIntegrationError:
        return

    canonical_json(MODEL_RESPONSE.dump_python(response, mode="json"))
    assert MODEL_RESPONSE.validate_json(MODEL_RESPONSE.dump_json(response)) == response
    assert CODEC.encode(a_request(messages=(response.as_message(),))).body


@given(st.binary(max_size=60))
def test_whatever_bytes_a_server_sends_are_an_answer_or_a_typed_error(body: bytes) -> None:
    with pytest.raises(LLMIntegrationError):
        CODEC.decode(CALL, HttpReply(status=200, headers={}, body=body, received_at=0.0))
