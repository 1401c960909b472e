"""Configurations and clients of a local server, and flat requests for them."""

from typing import Any

from polaris_llm.core.client import HttpOptions, OpenAIClient
from polaris_llm.core.models import LLMConfiguration, LLMProvider, LLMRequest, Message, MessageRole

from .openai_server import OpenAIServer

KEY = "sk-very-secret-key"


def configuration(server: OpenAIServer, provider: LLMProvider = LLMProvider.OPENAI, **changes: Any) -> LLMConfiguration:
    """A configuration of the server's client that is quick to retry."""
    settings: dict[str, Any] = {
        "api_endpoint": server.url,
        "api_key": KEY,
        "model_name": "a-model",
        "retry_delay": 0.1,
        "timeout": 5,
    } | changes
    return LLMConfiguration(provider=provider, **settings)


def openai_client(server: OpenAIServer, options: HttpOptions | None = None, **changes: Any) -> OpenAIClient:
    """A client of the server; `changes` are the configuration's."""
    return OpenAIClient(configuration(server, **changes), options)


def flat(text: str = "Hi", **changes: Any) -> LLMRequest:
    """A flat request of one user message."""
    return LLMRequest([Message(MessageRole.USER, text)], "a-model", **changes)
