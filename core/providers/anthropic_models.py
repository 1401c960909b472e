"""Anthropic's messages: what a model of each generation takes, told by the version in its name. No I/O.

Sources: https://platform.claude.com/docs/en/build-with-claude/effort and .../about-claude/models/migration-guide, and for tools on demand
.../build-with-claude/thinking and .../models/opus-5-5/whats-new-opus-5-5.
Old generations do not change any more, so they are the ones listed; a name without a version, and one to come, counts as new.
"""

import re
from functools import lru_cache

from ..exceptions import LLMConfigurationError
from ..inference import UNASKED_TEMPERATURE, ModelRequest
from .anthropic_messages import WIRE
from .extras import wire_extras
from .wire_values import Wire

EFFORTS = ("low", "medium", "high", "xhigh", "max")
BUDGETS = {"low": 1024, "medium": 4096, "high": 16384}
"""Tokens of thinking, for models that are told a number instead of an effort."""

_VERSION = re.compile(r"claude-(?:[a-z]+-)*(\d{1,2})(?:[-.](\d{1,2}))?(?!\d)")
_FIRST_BY_EFFORT = (4, 6)
_FIRST_WITHOUT_SAMPLING = (4, 7)
_FIRST_UNFORCED = (5, 1)
_NEWEST = (99, 0)


def sampling(request: ModelRequest, base_model: str) -> Wire:
    """Temperature and top_p; a temperature that nobody asked for is left out where it would be an error.

    What was asked for is always sent: the API knows best what it refuses, and says so.
    """
    thinks = request.reasoning_effort not in (None, "none")
    refused = thinks or request.top_p is not None or _version(base_model) >= _FIRST_WITHOUT_SAMPLING
    unasked = request.temperature == UNASKED_TEMPERATURE
    return {"temperature": None if refused and unasked else request.temperature, "top_p": request.top_p}


def thinking(request: ModelRequest, base_model: str) -> Wire | None:
    """How the model is to think; raises LLMConfigurationError for an effort that it does not have."""
    wanted = request.reasoning_effort
    if wanted is None:
        return None
    if wanted == "none":
        return {"type": "disabled"}
    known = EFFORTS if _by_effort(base_model) else tuple(BUDGETS)
    if wanted not in known:
        raise _unfit(request, f"has no reasoning_effort {wanted!r}; use one of none, {', '.join(known)}")
    return {"type": "adaptive"} if _by_effort(base_model) else {"type": "enabled", "budget_tokens": _budget(request, wanted)}


def effort(request: ModelRequest, base_model: str) -> str | None:
    """The word for how much the model is to spend, where it goes by words."""
    return request.reasoning_effort if _by_effort(base_model) and request.reasoning_effort != "none" else None


def can_be_forced(request: ModelRequest, base_model: str) -> bool:
    """Whether the model can be made to call a tool: not while it thinks by a budget, and not at all since version 5.1."""
    by_budget = request.reasoning_effort not in (None, "none") and not _by_effort(base_model)
    return _version(base_model) < _FIRST_UNFORCED and not by_budget and "thinking" not in wire_extras(request, WIRE)


def _budget(request: ModelRequest, wanted: str) -> int:
    budget = BUDGETS[wanted]
    if request.max_tokens <= budget:
        remedy = f"needs max_tokens above {budget}, and it is {request.max_tokens}; raise it, or ask for less effort"
        raise _unfit(request, f"with reasoning_effort {wanted!r} {remedy}")
    return budget


def _unfit(request: ModelRequest, why: str) -> LLMConfigurationError:
    message = f"model {request.model!r} {why}"
    return LLMConfigurationError(message, config_key="reasoning_effort", config_value=request.reasoning_effort, model_name=request.model)


def _by_effort(model: str) -> bool:
    return not _is_claude(model) or _version(model) >= _FIRST_BY_EFFORT


def _is_claude(model: str) -> bool:
    return "claude" in model.lower()


@lru_cache
def _version(model: str) -> tuple[int, int]:
    """The version of a Claude; other models, behind servers that speak the same wire, take sampling parameters as old ones do."""
    if not _is_claude(model):
        return (0, 0)
    found = _VERSION.search(model.lower())
    return (int(found[1]), int(found[2] or 0)) if found else _NEWEST
