"""The workload's sessions on a runtime of ours, with a scripted model. The cache is on, as by default: asked every turn, it never hits."""

from typing import Any

from polaris_llm.actors.runtime import LLMRuntime
from polaris_llm.core.inference import FinishReason, ModelRequest, ModelResponse
from polaris_llm.core.parts import TextPart, ToolCallPart
from polaris_llm.core.usage import Usage

from .measuring import Session
from .workload import ANSWER, CALLS, arguments, objective

PATIENCE_S = 600


def reply(request: ModelRequest) -> ModelResponse:
    """The script: add 1, 2, 3 and 4, one call a turn, then say the total."""
    done = sum(message.role == "tool" for message in request.messages)
    usage = Usage(input_tokens=100, output_tokens=20)
    if done == CALLS:
        return ModelResponse(model="scripted", parts=(TextPart(text=ANSWER),), usage=usage)
    call = ToolCallPart(call_id=f"call_{done}", name="calculator", arguments=arguments(done))
    return ModelResponse(model="scripted", parts=(call,), usage=usage, finish_reason=FinishReason.TOOL_CALLS)


def settings(engine: str, *, hosts: int = 1, workers: int = 1, latency_s: float = 0.0) -> dict[str, Any]:  # as in Settings
    """A runtime with room for all sessions at once, whose model takes so long for every answer."""
    return {
        "llm": {"kind": "mock", "script": f"{__name__}:reply", "latency_s": latency_s, "max_in_flight": 10_000},
        "conversation_management": {"hosts": hosts, "max_sessions_per_host": 10_000},
        "tool_registry": {"workers": workers},
        "runtime": {"engine": engine},
    }


def session_on(runtime: LLMRuntime, kilobytes: float = 0) -> Session:
    """How the runtime runs a session with a prompt of that size."""

    async def session(number: int) -> str:
        handle = await runtime.asubmit(objective(number, kilobytes), tools=["calculator"])
        return str((await handle.aresult(PATIENCE_S)).result)

    return session
