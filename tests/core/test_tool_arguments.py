"""What a tool is called with is checked, and what is wrong is told."""

from pathlib import Path
from typing import Any

import pytest

from polaris_llm.core.exceptions import LLMConfigurationError, LLMToolError
from polaris_llm.core.tool_registry import (
    BaseTool,
    EchoTool,
    ToolRegistry,
    ToolSchema,
)


def registry_of(*tools: BaseTool, **options: Any) -> ToolRegistry:
    registry = ToolRegistry(**options)
    for each in tools:
        registry.register_tool(each)
    return registry


class Typed(BaseTool):
    """Takes what its schema, given from outside, allows."""

    def __init__(self, parameters: dict[str, Any], required: list[str] | None = None) -> None:
        super().__init__("typed", "Typed")
        self._parameters = parameters
        self._required = required or []

    def get_schema(self) -> ToolSchema:
        return ToolSchema("typed", "Typed", self._parameters, self._required)

    async def execute(self, parameters: dict[str, Any]) -> Any:
        return parameters


def test_a_schema_that_is_none_is_refused_at_registration() -> None:
    with pytest.raises(LLMConfigurationError, match=r"'typed'.*not a JSON schema.*'strng'"):
        registry_of(Typed({"city": {"type": "strng"}}))


@pytest.mark.anyio
async def test_validate_parameters_says_what_is_missing() -> None:
    assert await EchoTool().validate_parameters({"message": "x"}) is True
    with pytest.raises(LLMToolError, match=r"^Missing required parameter: message$"):
        await EchoTool().validate_parameters({})


@pytest.mark.anyio
async def test_open_schemas_let_further_parameters_through() -> None:
    result = await registry_of(Typed({"a": {"type": "integer"}})).execute_tool("typed", {"a": 1, "b": 2})

    assert result.result == {"a": 1, "b": 2}


@pytest.mark.anyio
async def test_nested_errors_name_their_path() -> None:
    rows = {"type": "array", "items": {"type": "object", "properties": {"n": {"type": "integer"}}}}

    result = await registry_of(Typed({"rows": rows})).execute_tool("typed", {"rows": [{"n": 1}, {"n": "2"}]})

    assert "$.rows[1].n: '2' is not of type 'integer'" in str(result.error_message)


@pytest.mark.anyio
async def test_only_the_first_of_many_argument_errors_are_told() -> None:
    rows = {"type": "array", "items": {"type": "integer"}}

    result = await registry_of(Typed({"rows": rows})).execute_tool("typed", {"rows": ["x"] * 10_000})

    assert str(result.error_message).count("is not of type") == 5


@pytest.mark.anyio
@pytest.mark.filterwarnings("ignore:Automatically retrieving:DeprecationWarning")  # so that a fetch would succeed
async def test_a_reference_to_elsewhere_is_not_fetched(tmp_path: Path) -> None:
    elsewhere = tmp_path / "schema.json"
    elsewhere.write_text('{"type": "integer"}')

    result = await registry_of(Typed({"a": {"$ref": elsewhere.as_uri()}})).execute_tool("typed", {"a": 1})

    assert not result.success
    assert f"'typed' refers to {elsewhere.as_uri()!r}, which it does not hold" in str(result.error_message)
