"""The model of the runtime's tests, `support.runtime_model:play`: the objective itself is the plan, a JSON list of steps.

Each time the model is asked within a run it plays the next step, at last the last one again. What it was asked stands in ASKED.
"""

import json
from collections.abc import Callable
from typing import Any

from polaris_llm.core.exceptions import LLMAPIError
from polaris_llm.core.inference import FinishReason, ModelRequest, ModelResponse
from polaris_llm.core.parts import Part, TextPart, ToolCallPart
from polaris_llm.core.scenarios.reasoner import reason
from polaris_llm.core.usage import Usage

Step = dict[str, Any]  # JSON

ASKED: list[ModelRequest] = []
HOOKS: dict[str, Callable[[], object]] = {}
"""Called on the runtime's loop, by the steps that name them."""


def plan(*steps: Step) -> str:
    """The objective of a run."""
    return json.dumps(steps)


def call(name: str, **arguments: Any) -> Step:
    """Call one tool."""
    return calls((name, arguments))


def calls(*wanted: tuple[str, dict[str, Any]]) -> Step:
    """Call several tools at once."""
    return {"calls": [{"name": name, "arguments": arguments} for name, arguments in wanted]}


def answer(text: str) -> Step:
    """End the run."""
    return {"text": text}


def tell_all() -> Step:
    """End the run with every message of the history, as a JSON list of [role, text] without the system's."""
    return {"tell": True}


def tell_results() -> Step:
    """End the run with the contents of all tool results, as a JSON list."""
    return {"results": True}


def fail(message: str) -> Step:
    """Fail for good."""
    return {"fail": message}


def hook(name: str, then: Step) -> Step:
    """Call HOOKS[name] before the step."""
    return {**then, "hook": name}


def times_asked(session_id: str, step: int, run: str = "1") -> int:
    """How often the model was asked for one step of a session."""
    return sum(request.request_id == f"{session_id}.{run}.{step}" for request in ASKED)


def play(request: ModelRequest) -> ModelResponse:
    """The present step of the plan."""
    ASKED.append(request)
    step = _present_step(request)
    if "hook" in step:
        HOOKS[step["hook"]]()
    if "fail" in step:
        raise LLMAPIError(step["fail"], status_code=400, context={"plan": "to fail"})
    parts = _calls(request, step) if "calls" in step else (TextPart(text=_text(request, step)),)
    reason = FinishReason.TOOL_CALLS if "calls" in step else FinishReason.STOP
    return ModelResponse(model=request.model, parts=parts, usage=Usage(input_tokens=10, output_tokens=5), finish_reason=reason)


def _present_step(request: ModelRequest) -> Step:
    plans = [place for place, message in enumerate(request.messages) if message.role == "user" and message.text.startswith("[{")]
    if not plans:
        return answer(f"heard: {request.messages[-1].text}")
    steps: list[Step] = json.loads(request.messages[plans[-1]].text)
    played = sum(message.role == "assistant" for message in request.messages[plans[-1] :])
    return steps[min(played, len(steps) - 1)]


def _calls(request: ModelRequest, step: Step) -> tuple[Part, ...]:
    place = len(request.messages)
    return tuple(
        ToolCallPart(call_id=f"call-{place}-{index}", name=wanted["name"], arguments=wanted["arguments"])
        for index, wanted in enumerate(step["calls"])
    )


def _text(request: ModelRequest, step: Step) -> str:
    if "tell" in step:
        return json.dumps([[message.role, message.text] for message in request.messages if message.role != "system"])
    if "results" in step:
        parts = (part for message in request.messages for part in message.parts)
        return json.dumps([part.content for part in parts if part.kind == "tool_result"])
    text: str = step["text"]
    return text


def adapt(request: ModelRequest) -> ModelResponse:
    """The web farm's reasoner; before it answers it calls the hook that the scenario's objective names, if it does."""
    ASKED.append(request)
    for name in (name for name in HOOKS if any(name in message.text for message in request.messages)):
        HOOKS[name]()
    return reason(request)
