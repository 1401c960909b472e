"""What may stand in a header."""

from ..exceptions import LLMConfigurationError


def check_header_value(provider: str, key: str | None) -> None:
    """Raise LLMConfigurationError for a key that no header may hold; the key is not told."""
    if key and not (key.isascii() and key.isprintable()):
        message = f"the API key of {provider!r} has characters that no HTTP header may hold; check it for line ends and quotes"
        raise LLMConfigurationError(message, config_key="api_key", provider=provider)
