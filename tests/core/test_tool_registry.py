"""ToolRegistry as POLARIS knows it, and as a ToolPort."""

from datetime import UTC, datetime
from typing import Any

import anyio
import pytest

from polaris_llm.core.call_context import CallContext
from polaris_llm.core.models import ToolCall
from polaris_llm.core.ports import ToolPort
from polaris_llm.core.tool_registry import (
    BaseTool,
    CalculatorTool,
    EchoTool,
    ToolCallContext,
    ToolRegistry,
    ToolSchema,
    create_default_registry,
    tool,
)


class CustomTool(BaseTool):
    """As in POLARIS's README: no constructor, no name."""

    def get_schema(self) -> ToolSchema:
        return ToolSchema(name="custom", description="Custom tool", parameters={})

    async def execute(self, parameters: dict[str, Any]) -> dict[str, Any]:
        return {"custom": True}


class Stateful(CustomTool):
    """Has a constructor that does not call its parent's."""

    def __init__(self, world: str) -> None:
        self.world = world

    def get_schema(self) -> ToolSchema:
        return ToolSchema(name=f"look_at_{self.world}", description="Looks", parameters={})


def registry_of(*tools: BaseTool, **options: Any) -> ToolRegistry:
    registry = ToolRegistry(**options)
    for each in tools:
        registry.register_tool(each)
    return registry


@pytest.mark.anyio
async def test_a_tool_needs_only_a_schema_and_execute() -> None:
    result = await registry_of(CustomTool()).execute_tool("custom", {})

    assert (result.success, result.result, result.call_id, result.error_message) == (True, {"custom": True}, "unknown", None)
    assert (CustomTool().name, CustomTool().description) == ("custom", "Custom tool")


def test_a_tool_whose_constructor_forgets_its_parent_has_a_name() -> None:
    assert Stateful("swim").name == "look_at_swim"
    assert Stateful("swim").logger.name == "polaris.llm.Stateful"


def test_a_given_name_wins_over_the_schemas() -> None:
    given = EchoTool()
    given.name = "say"
    registry = registry_of(given)

    assert registry.list_tools() == ["say"]
    assert [schema.name for schema in registry.schemas()] == ["say"]
    assert registry.get_tool_schemas()[0]["function"]["name"] == "say"
    assert registry.get_tool_schemas("anthropic")[0]["name"] == "say"


def test_tools_are_listed_in_the_order_of_registration_and_replaced_silently() -> None:
    registry = create_default_registry()
    replacement = EchoTool()

    registry.register_tool(CustomTool())
    registry.register_tool(replacement)
    registry.unregister_tool("calculator")
    registry.unregister_tool("calculator")

    assert registry.list_tools() == ["echo", "custom"]
    assert registry.get_tool("echo") is replacement
    assert registry.get_tool("calculator") is None


def test_schemas_come_in_every_providers_format_and_openai_is_the_fallback() -> None:
    registry = registry_of(CalculatorTool())
    body = {
        "type": "object",
        "properties": CalculatorTool().get_schema().parameters,
        "required": ["operation", "a", "b"],
    }

    assert registry.get_tool_schemas("openai")[0] == {
        "type": "function",
        "function": {"name": "calculator", "description": CalculatorTool().description, "parameters": body},
    }
    assert registry.get_tool_schemas("anthropic")[0]["input_schema"] == body
    declaration = registry.get_tool_schemas("google")[0]
    assert (declaration["name"], declaration["parametersJsonSchema"]["required"]) == ("calculator", ["operation", "a", "b"])
    assert registry.get_tool_schemas("other") == registry.get_tool_schemas("openai") == registry.get_tool_schemas()


@pytest.mark.anyio
async def test_echo_says_it_again() -> None:
    result = await registry_of(EchoTool(now=lambda: datetime(2026, 1, 2, tzinfo=UTC))).execute_tool("echo", {"message": "hi"}, "c1")

    assert (result.call_id, result.tool_name) == ("c1", "echo")
    assert result.result == {"echoed_message": "hi", "timestamp": "2026-01-02T00:00:00+00:00"}


@pytest.mark.anyio
@pytest.mark.parametrize(("operation", "value"), [("add", 8), ("subtract", 4), ("multiply", 12), ("divide", 3)])
async def test_calculator_calculates(operation: str, value: float) -> None:
    result = await create_default_registry().execute_tool("calculator", {"operation": operation, "a": 6, "b": 2})

    assert result.result == {"operation": operation, "operands": [6, 2], "result": value}


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("name", "parameters", "reason"),
    [
        ("nonexistent", {}, "Tool not found: nonexistent"),
        ("calculator", {"operation": "divide", "a": 1, "b": 0}, "Division by zero"),
        ("calculator", {"operation": "add", "a": 1}, "Missing required parameter: b"),
        ("calculator", {"operation": "add", "a": "1", "b": "2"}, "$.a: '1' is not of type 'number'; $.b: '2' is not of type 'number'"),
        ("calculator", {"operation": "add", "a": True, "b": 2}, "$.a: True is not of type 'number'"),
        ("calculator", {"operation": "root", "a": 1, "b": 2}, "$.operation: 'root' is not one of"),
        ("calculator", {"operation": "multiply", "a": 1e308, "b": 10}, "$.result is inf"),
        ("echo", {"message": {"x" * 10_000: 1}}, "$.message"),
        ("echo", None, "the arguments of tool 'echo' must be a JSON object, not NoneType"),
        ("echo", [], "the arguments of tool 'echo' must be a JSON object, not list"),
    ],
)
async def test_a_failure_is_a_result_that_says_why(name: str, parameters: Any, reason: str) -> None:
    result = await create_default_registry().execute_tool(name, parameters, "c")

    assert (result.success, result.result, result.call_id, result.tool_name) == (False, {}, "c", name)
    assert reason in str(result.error_message)
    assert len(str(result.error_message)) < 1_000
    assert result.metadata["status"] == "failed"


@pytest.mark.anyio
async def test_a_tool_that_changes_its_parameters_does_not_change_the_callers() -> None:
    @tool
    def harmless() -> None: ...

    class Eager(CustomTool):
        async def execute(self, parameters: dict[str, Any]) -> dict[str, Any]:
            return {"taken": parameters.popitem()}

    parameters = {"a": 1}
    await registry_of(Eager(), harmless).execute_tool("custom", parameters)

    assert parameters == {"a": 1}


@pytest.mark.anyio
async def test_calls_are_answered_in_order_and_run_together() -> None:
    arrived: list[int] = []
    all_here = anyio.Event()

    @tool
    async def meet(number: int) -> int:
        """Wait for the others."""
        arrived.append(number)
        if len(arrived) == 3:
            all_here.set()
        await all_here.wait()
        return number

    with anyio.fail_after(5):
        results = await registry_of(meet).execute_multiple_tools([ToolCall("meet", {"number": n}, f"c{n}") for n in (2, 0, 1)])

    assert [(result.call_id, result.result) for result in results] == [("c2", 2), ("c0", 0), ("c1", 1)]


@pytest.mark.anyio
async def test_calls_can_be_run_one_after_another() -> None:
    running: list[int] = []

    @tool
    async def alone(number: int) -> int:
        """Tell how many run."""
        running.append(number)
        await anyio.lowlevel.checkpoint()
        count = len(running)
        running.remove(number)
        return count

    results = await registry_of(alone).execute_multiple_tools([ToolCall("alone", {"number": n}) for n in range(3)], parallel=False)

    assert [result.result for result in results] == [1, 1, 1]


@pytest.mark.anyio
async def test_a_tool_may_ask_for_the_context_without_a_decorator() -> None:
    class Curious(CustomTool):
        async def execute_with_context(self, parameters: dict[str, Any], call: ToolCallContext) -> str:
            return call.session_id

    port: ToolPort = registry_of(Curious())
    result = await port.run_tool("custom", {}, CallContext(session_id="s1", call_id="c"), {})

    assert (result.result, result.call_id) == ("s1", "c")
