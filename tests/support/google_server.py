"""Clients of a server that speaks Gemini."""

from typing import Any

from polaris_llm.core.client import GoogleClient, HttpOptions
from polaris_llm.core.client_factory import create_google_client

from .openai_server import OpenAIServer

KEY = "AIza-very-secret-key"


def client_of(server: OpenAIServer, options: HttpOptions | None = None, **changes: Any) -> GoogleClient:
    """A client of the server that is quick to try again; `changes` are the configuration's."""
    settings = {"retry_delay": 0.1, "timeout": 5} | changes
    client = create_google_client(KEY, api_endpoint=server.url.removesuffix("/v1"), **settings)
    assert isinstance(client, GoogleClient)
    return client if options is None else GoogleClient(client.config, options)
