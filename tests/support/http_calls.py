"""Calls for tests of the transport."""

from polaris_llm.core.providers.exchange import HttpCall

from .model_requests import a_request

KEY = "sk-very-secret-key"


def call_to(url: str, body: bytes = b"{}") -> HttpCall:
    """A call with a key."""
    headers = {"content-type": "application/json", "authorization": f"Bearer {KEY}"}
    return HttpCall(provider="openai", request=a_request(), url=url, headers=headers, body=body, secret=KEY)
