"""What depends on which of OpenAI's own models is asked, on either of OpenAI's wires. No I/O.

Source: https://platform.openai.com/docs/guides/reasoning.
"""

import re

from ..inference import UNASKED_TEMPERATURE, ModelRequest

_REASONING = re.compile(r"(?:ft:)?(?:o\d|gpt-(?:[5-9]|\d\d)(?!.*-chat))")


def temperature(request: ModelRequest, base_model: str) -> float | None:
    """The temperature to send. One that nobody asked for is left out where the model reasons, and would refuse it.

    One that was asked for is always sent: the API knows best what it refuses, and says so.
    """
    refused = _REASONING.match(base_model) is not None and request.reasoning_effort != "none"
    return None if refused and request.temperature == UNASKED_TEMPERATURE else request.temperature
