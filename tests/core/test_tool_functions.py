"""@tool: what a model is told of a function, what the function is called with, and how another process finds it."""

import inspect
from typing import Annotated, Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel, Field

from polaris_llm.core.call_context import CallContext
from polaris_llm.core.tool_registry import FunctionTool, ToolCallContext, ToolRegistry, tool
from support import tools_sample
from support.tools_sample import Server


def test_schema_comes_from_annotations_and_docstring() -> None:
    schema = tools_sample.describe_server.get_schema()

    assert schema.name == "describe_server"
    assert schema.description == "Describe a server in one line."
    assert schema.required == ["server"]
    assert schema.closed
    assert (schema.effect, schema.timeout_s, schema.requires_approval) == ("pure", 5.0, False)
    assert schema.parameters == {
        "server": {"$ref": "#/$defs/Server", "description": "The server to describe."},
        "unit": {"$ref": "#/$defs/Unit", "description": "Of its temperature.", "default": "celsius"},
        "tags": {
            "anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "null"}],
            "description": "Words to add.",
            "default": None,
        },
        "level": {"type": "string", "enum": ["low", "high"], "default": "low"},
    }
    assert schema.definitions["Unit"]["enum"] == ["celsius", "kelvin"]
    assert schema.definitions["Server"]["properties"]["standby"]["anyOf"][0] == {"$ref": "#/$defs/Server"}
    Draft202012Validator.check_schema(schema.json_schema())


def test_what_a_function_does_not_say_is_taken_to_be_the_worst() -> None:
    schema = tools_sample.add.get_schema()

    assert (schema.effect, schema.timeout_s, schema.requires_approval) == ("once", None, False)


def test_options_override_what_the_function_says() -> None:
    @tool(name="sum-up", description="Sums up", effect="idempotent", timeout_s=1.5, requires_approval=True)
    def add(a: int) -> int:
        """Something else."""
        return a

    schema = add.get_schema()

    assert (add.name, add.description) == ("sum-up", "Sums up") == (schema.name, schema.description)
    assert (schema.effect, schema.timeout_s, schema.requires_approval) == ("idempotent", 1.5, True)


def test_a_function_without_a_docstring_is_described_by_its_name() -> None:
    @tool
    def get_metrics() -> None: ...

    assert get_metrics.get_schema().description == "get_metrics"


def test_a_fields_own_description_and_bounds_are_kept() -> None:
    @tool
    def dim(level: Annotated[float, Field(description="From dark to bright", ge=0, le=1)]) -> None:
        """Dim.

        Args:
            level: Ignored.
        """

    assert dim.get_schema().parameters["level"] == {"type": "number", "minimum": 0, "maximum": 1, "description": "From dark to bright"}


def test_two_models_of_one_name_are_kept_apart() -> None:
    class Inner:
        class Server(BaseModel):
            port: int

    def move(source: Server, target: Inner.Server) -> None: ...

    move.__annotations__["target"] = Inner.Server
    schema = tool(move).get_schema()

    assert len(schema.definitions) == 2
    Draft202012Validator(schema.json_schema()).validate({"source": {"name": "a"}, "target": {"port": 1}})


def test_a_tool_is_still_the_function() -> None:
    assert tools_sample.add(3) == 5
    assert inspect.signature(tools_sample.add) == inspect.signature(tools_sample.add.function)
    assert tools_sample.add.__doc__ == "Add two integers."


@pytest.mark.anyio
async def test_an_async_tool_is_still_the_function() -> None:
    answer = await tools_sample.who_asks("why", ToolCallContext(run_id="r"))

    assert answer["run"] == "r"


@pytest.mark.anyio
@pytest.mark.parametrize("sample", [tools_sample.add, tool(tools_sample.plain)])
async def test_execute_can_be_awaited_whether_the_function_is_async_or_not(sample: FunctionTool[Any, Any]) -> None:
    parameters = {"a": 1} if sample.name == "add" else {"text": 3 * "x"}

    assert await sample.execute(parameters) in (3, "xxx")


@pytest.mark.anyio
async def test_the_context_is_injected_and_hidden_from_the_model() -> None:
    registry = ToolRegistry()
    registry.register_tool(tools_sample.who_asks)
    call = CallContext(session_id="s", run_id="r", step=2, call_id="c")

    result = await registry.run_tool("who_asks", {"question": "why"}, call, {"system": "swim"})

    assert list(tools_sample.who_asks.get_schema().parameters) == ["question"]
    assert result.call_id == "c"
    assert result.result == {"question": "why", "run": "r", "key": call.idempotency_key, "context": {"system": "swim"}}


@pytest.mark.anyio
async def test_a_model_cannot_forge_the_context() -> None:
    registry = ToolRegistry()
    registry.register_tool(tools_sample.who_asks)

    result = await registry.execute_tool("who_asks", {"question": "why", "call": {"run_id": "mine"}})

    assert not result.success
    assert "'call' was unexpected" in str(result.error_message)


def test_calls_outside_sessions_have_keys_of_their_own() -> None:
    assert ToolCallContext().idempotency_key != ToolCallContext().idempotency_key


def test_an_unknown_option_is_refused() -> None:
    with pytest.raises(TypeError, match="efect"):
        tool(efect="pure")(_sample)  # type: ignore[call-overload]  # the point


def _sample() -> None: ...
