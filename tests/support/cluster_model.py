"""The model of the tests on a cluster, `support.cluster_model:play`: plans, as in `runtime_model`, and gates."""

from polaris_llm.core.exceptions import LLMAPIError
from polaris_llm.core.inference import ModelRequest, ModelResponse
from polaris_llm.core.parts import TextPart

from .cluster_gates import Gate
from .runtime_model import play as play_plan

BROKEN = "break"
REFUSAL = {"plan": "to fail", "limits": [1, None, "x"]}


def play(request: ModelRequest) -> ModelResponse:
    """The present step of the plan, once the gate that the system message names is open.

    The objective BROKEN is refused with a cause, and one that is no plan is answered with its length.
    """
    first, last = request.messages[0], request.messages[-1]
    if first.role == "system":
        Gate(first.text).block()
    if last.text == BROKEN:
        raise LLMAPIError("no such model", status_code=404, context=REFUSAL, provider="mock", cause=ValueError("too hot"))
    if last.role == "user" and not last.text.startswith("["):
        return ModelResponse(model=request.model, parts=(TextPart(text=f"{len(last.text)} characters"),))
    return play_plan(request)
