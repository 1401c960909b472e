"""Drives the scripted reasoner through control loops as a session would, without sessions: prompt, tools, answer."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import JsonValue

from polaris_llm.core import action_protocol
from polaris_llm.core.inference import ModelRequest, ModelResponse
from polaris_llm.core.parts import ModelMessage, ToolCallPart, ToolResultPart, text_message
from polaris_llm.core.runs import Protocol
from polaris_llm.core.scenarios.control_loop import ControlLoop
from polaris_llm.core.scenarios.decision import DECISION_SCHEMA
from polaris_llm.core.scenarios.farm_tools import forecast_load, get_metrics, simulate_action
from polaris_llm.core.scenarios.reasoner import reason
from polaris_llm.core.scenarios.scenario import Scenario
from polaris_llm.core.tool_registry import ToolCallContext

TOOLS = {tool.name: tool for tool in (get_metrics, forecast_load, simulate_action)}
SCHEMAS = tuple(tool.get_schema() for tool in TOOLS.values())

Tamper = Callable[[str, JsonValue], JsonValue]


def _untouched(name: str, content: JsonValue) -> JsonValue:
    return content


@dataclass(frozen=True, kw_only=True)
class Agent:
    """A session's worth of reasoning on one snapshot."""

    protocol: Protocol = "native"
    tamper: Tamper = _untouched
    """What becomes of a tool's result on its way to the model."""
    max_steps: int = 10

    def opening(self) -> tuple[ModelMessage, ...]:
        """The system prompt and the objective."""
        rules = action_protocol.instructions(SCHEMAS, DECISION_SCHEMA) if self.protocol == "json" else ""
        return text_message("system", f"You adapt a web farm. {rules}"), text_message("user", "Adapt the farm.")

    def request(self, messages: tuple[ModelMessage, ...], last: bool = False) -> ModelRequest:
        """The request of a step."""
        if self.protocol == "json":
            schema = action_protocol.action_schema(() if last else SCHEMAS, DECISION_SCHEMA)
            return ModelRequest(model="mock", messages=messages, response_schema=schema)
        choice = "none" if last else "auto"
        return ModelRequest(model="mock", messages=messages, tools=SCHEMAS, tool_choice=choice, response_schema=DECISION_SCHEMA)

    def deliberate(self, snapshot: dict[str, JsonValue]) -> list[ModelResponse]:
        """The responses up to the final one."""
        messages, responses = self.opening(), list[ModelResponse]()
        for step in range(1, self.max_steps + 1):
            response = reason(self.request(messages, last=step == self.max_steps))
            responses.append(response)
            calls = self._calls_of(response)
            if not calls:
                return responses
            results = tuple(self._run(call, snapshot) for call in calls)
            told = action_protocol.result_message(results) if self.protocol == "json" else ModelMessage(role="tool", parts=results)
            messages = (*messages, response.as_message(), told)
        raise AssertionError(f"no answer within {self.max_steps} steps")

    def answer(self, snapshot: dict[str, JsonValue]) -> JsonValue:
        """The final answer."""
        document: dict[str, Any] = json.loads(self.deliberate(snapshot)[-1].text)
        return document["result"] if self.protocol == "json" else document

    def drive(self, scenario: Scenario) -> ControlLoop:
        """The finished loop of a scenario that this agent decides."""
        loop = ControlLoop.start(scenario)
        while not loop.finished:
            loop = loop.period(loop.decide(self.answer(loop.snapshot())))
        return loop

    def _calls_of(self, response: ModelResponse) -> tuple[ToolCallPart, ...]:
        if self.protocol == "native":
            return response.tool_calls
        action = json.loads(response.text)
        if action["action"] == "final_answer":
            return ()
        return (ToolCallPart(call_id="call", name=action["tool_name"], arguments=action["parameters"]),)

    def _run(self, call: ToolCallPart, snapshot: dict[str, JsonValue]) -> ToolResultPart:
        content = TOOLS[call.name].execute_with_context(call.arguments, ToolCallContext(context={"farm": snapshot}))
        return ToolResultPart(call_id=call.call_id, name=call.name, content=self.tamper(call.name, content))


@pytest.fixture(params=["native", "json"])
def protocol(request: pytest.FixtureRequest) -> Protocol:
    """Each way to call tools."""
    chosen: Protocol = request.param
    return chosen


@pytest.fixture
def make_agent() -> type[Agent]:
    """Makes agents."""
    return Agent
