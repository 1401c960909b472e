"""Where the Google codec sends a request, and as whom."""

import pytest

from polaris_llm.core.exceptions import LLMConfigurationError
from polaris_llm.core.providers.google import GOOGLE_URL, GoogleCodec
from support.model_requests import a_request

KEY = "AIza-very-secret-key"
CODEC = GoogleCodec(api_key=KEY)
ROOT = f"{GOOGLE_URL}/v1beta"


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("gemini-2.5-flash", "models/gemini-2.5-flash"),
        ("models/gemini-2.5-flash", "models/gemini-2.5-flash"),
        ("tunedModels/my-model-1", "tunedModels/my-model-1"),
        ("publishers/google/models/gemini-3", "publishers/google/models/gemini-3"),
        ("odd name?key=1#x:y%2f", "models/odd%20name%3Fkey%3D1%23x%3Ay%252f"),
    ],
)
def test_a_models_name_passes_untouched_and_cannot_leave_its_place(model: str, path: str) -> None:
    assert CODEC.encode(a_request(model=model)).url == f"{ROOT}/{path}:generateContent"


@pytest.mark.parametrize("model", ["", "..", "models/../files", "tunedModels/", "/x"])
def test_a_name_that_is_none_is_refused(model: str) -> None:
    with pytest.raises(LLMConfigurationError, match="no model can have the name"):
        CODEC.encode(a_request(model=model))


@pytest.mark.parametrize(
    ("base_url", "root"),
    [
        ("https://host", "https://host/v1beta"),
        ("https://host/", "https://host/v1beta"),
        (" https://host/v1beta/models/ ", "https://host/v1beta"),
        ("https://host/v1", "https://host/v1"),
        ("https://host/v1alpha", "https://host/v1alpha"),
        ("http://host:8080/gemini", "http://host:8080/gemini/v1beta"),
    ],
)
def test_endpoints_are_taken_as_people_write_them(base_url: str, root: str) -> None:
    assert GoogleCodec(base_url=base_url).encode(a_request()).url == f"{root}/models/a-model:generateContent"


def test_a_stream_is_asked_for_as_events() -> None:
    call = CODEC.encode_stream(a_request())

    assert call.url == f"{ROOT}/models/a-model:streamGenerateContent?alt=sse"
    assert (call.headers["accept"], call.headers["accept-encoding"]) == ("text/event-stream", "identity")
    assert call.body == CODEC.encode(a_request()).body


def test_a_query_of_the_endpoint_is_kept() -> None:
    url = GoogleCodec(base_url="https://host/v1beta?tenant=a").encode_stream(a_request()).url

    assert url == "https://host/v1beta/models/a-model:streamGenerateContent?tenant=a&alt=sse"


@pytest.mark.parametrize("method", ["encode", "encode_stream"])
def test_the_key_goes_into_the_header_and_nowhere_else(method: str) -> None:
    call = getattr(CODEC, method)(a_request())

    assert call.headers["x-goog-api-key"] == KEY
    assert "secret" not in f"{call!r} {CODEC!r} {call.url} {call.body.decode()} {call.facts}"


def test_a_key_that_fits_no_header_is_refused_without_being_told() -> None:
    with pytest.raises(LLMConfigurationError, match="line ends") as caught:
        GoogleCodec(api_key=f"{KEY}\n")

    assert "secret" not in f"{caught.value!r} {caught.value.to_dict()}"
