"""Scenarios whose steps a test can see, and reach into."""

from dataclasses import replace

from polaris_llm.core.scenarios.families import high_load
from polaris_llm.core.scenarios.scenario import Scenario

from .runtime_model import ASKED

ADAPTING = {"script": "support.runtime_model:adapt"}
"""The settings of a model that decides, and calls the hooks."""


def hooked(name: str, periods: int = 3) -> Scenario:
    """A scenario at each of whose steps HOOKS[name] is called."""
    return replace(high_load(1, periods), name=name, objective=f"Keep calm ({name}).")


def steps_asked(text: str) -> list[str]:
    """The steps of which the model was asked, of the sessions whose prompts hold a text."""
    return [request.request_id for request in ASKED if any(text in message.text for message in request.messages)]
