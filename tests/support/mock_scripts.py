"""Scripts for the mock model, found by import path."""

from polaris_llm.core.inference import ModelRequest, ModelResponse
from polaris_llm.core.parts import TextPart

NUMBER = 7


def shout(request: ModelRequest) -> ModelResponse:
    """Says the last message louder."""
    return ModelResponse(model="", parts=(TextPart(text=request.messages[-1].text.upper()),))
