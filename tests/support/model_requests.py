"""Requests, answers and surroundings for tests of models."""

from dataclasses import dataclass, field
from typing import Any

from polaris_llm.core.call_context import CallContext
from polaris_llm.core.inference import ModelRequest, ModelResponse
from polaris_llm.core.parts import TextPart, text_message
from polaris_llm.core.providers.attempts import Outcome, Surroundings
from polaris_llm.core.tool_schema import ToolSchema

CALL = CallContext(session_id="session", run_id="run", step=1)
WEATHER = ToolSchema("weather", "Tells the weather.", {"city": {"type": "string"}}, ["city"])


def a_request(text: str = "Hi", **changes: Any) -> ModelRequest:
    """A request of one user message."""
    return ModelRequest(**{"model": "a-model", "messages": (text_message("user", text),), "request_id": "request-1"} | changes)


def a_response(text: str = "Hello.", **changes: Any) -> ModelResponse:
    """An answer of one text."""
    return ModelResponse(**{"model": "a-model", "parts": (TextPart(text=text),)} | changes)


@dataclass
class ManualTime:
    """A clock that only sleeping moves."""

    now: float = 1000.0
    slept: list[float] = field(default_factory=list)
    chance: float = 1.0

    async def sleep(self, seconds: float) -> None:
        """Pass the time at once."""
        self.slept.append(seconds)
        self.now += seconds

    @property
    def surroundings(self) -> Surroundings:
        """This time, and a chance that is always the same."""
        return Surroundings(clock=lambda: self.now, sleep=self.sleep, chance=lambda: self.chance)


class ScriptedModel:
    """A ModelPort that gives the scripted answers and errors in turn, then the last of them for ever."""

    def __init__(self, *script: ModelResponse | Exception) -> None:
        self.script = list(script) or [a_response()]
        self.asked: list[ModelRequest] = []
        self.calls: list[CallContext] = []

    async def respond(self, request: ModelRequest, call: CallContext) -> ModelResponse:
        """The next of the script."""
        self.asked.append(request)
        self.calls.append(call)
        step = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(step, Exception):
            raise step
        return step


class RecordingGate:
    """An AttemptGate that admits all but the scripted refusals, and writes down what it sees."""

    def __init__(self, *refusals: Exception) -> None:
        self.refusals = list(refusals)
        self.admitted: list[CallContext] = []
        self.reports: list[tuple[object, Outcome]] = []

    async def admit(self, request: ModelRequest, call: CallContext) -> object:
        """A numbered ticket."""
        if self.refusals:
            raise self.refusals.pop(0)
        self.admitted.append(call)
        return len(self.admitted)

    def report(self, ticket: object, outcome: Outcome) -> None:
        """Write it down."""
        self.reports.append((ticket, outcome))
