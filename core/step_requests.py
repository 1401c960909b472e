"""The request that a session's next step makes of its model."""

from typing import Any

from . import action_protocol
from .inference import ModelRequest
from .parts import ModelMessage, text_message
from .runs import RunSpec
from .session_state import RunState, SessionState


def step_request(state: SessionState) -> ModelRequest:
    """The request of the present step. The last step that the limits allow may only answer, not use tools."""
    run = state.active_run
    spec = run.spec
    last = run.step >= spec.limits.max_steps
    chosen: dict[str, Any] = {}  # only what the run sets, so that the provider's own settings hold for the rest
    if spec.temperature is not None:
        chosen["temperature"] = spec.temperature
    if spec.max_output_tokens is not None:
        chosen["max_tokens"] = spec.max_output_tokens
    return ModelRequest(
        model=spec.model or "",
        messages=state.messages,
        tools=spec.tools if spec.protocol != "json" else (),
        tool_choice="none" if last and spec.tools and spec.protocol != "json" else "auto",
        response_schema=_response_schema(spec, last),
        seed=spec.seed,
        extras=spec.extras,
        cache=spec.cache,
        metadata=spec.metadata,
        request_id=_request_id(run),
        **chosen,
    )


def opening_messages(spec: RunSpec, earlier: tuple[ModelMessage, ...]) -> tuple[ModelMessage, ...]:
    """The history that a run begins with; a new system prompt replaces the earlier ones."""
    system = system_text(spec)
    kept = tuple(message for message in earlier if message.role != "system") if system else earlier
    opening = (text_message("system", system),) if system else ()
    return (*opening, *kept, *spec.history, text_message("user", spec.objective))


def system_text(spec: RunSpec) -> str:
    """The run's system prompt, with the JSON protocol's rules where it speaks that."""
    rules = action_protocol.instructions(spec.tools, spec.result_schema) if spec.protocol == "json" else ""
    return "\n\n".join(text for text in (spec.system, rules) if text)


def _response_schema(spec: RunSpec, last: bool) -> dict[str, Any] | None:
    if spec.protocol == "json":
        return action_protocol.action_schema(() if last else spec.tools, spec.result_schema)
    return spec.result_schema


def _request_id(run: RunState) -> str:
    return f"{run.run_id}.{run.step}"
