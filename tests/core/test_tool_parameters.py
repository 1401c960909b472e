"""What a function may take as a tool, and that it gets exactly what its annotations say."""

from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from polaris_llm.core.exceptions import LLMConfigurationError, LLMToolError
from polaris_llm.core.tool_registry import ToolCallContext, ToolRegistry, tool
from support import tools_sample
from support.tools_sample import Server, Unit


def test_parameters_may_have_names_that_pydantic_models_use_themselves() -> None:
    @tool
    def awkward(schema: str, model_config: int, _private: bool, json: str = "x") -> list[Any]:
        """Awkward."""
        return [schema, model_config, _private, json]

    assert list(awkward.get_schema().parameters) == ["schema", "model_config", "_private", "json"]
    assert awkward.execute_with_context({"schema": "s", "model_config": 1, "_private": True}, ToolCallContext()) == ["s", 1, True, "x"]


def test_a_default_that_json_does_not_have_is_left_out() -> None:
    @tool
    def wait(seconds: float = float("inf")) -> float:
        """Wait."""
        return seconds

    assert wait.get_schema().parameters["seconds"] == {"type": "number"}
    assert wait.execute_with_context({}, ToolCallContext()) == float("inf")


def test_json_becomes_what_the_parameters_are_annotated_with() -> None:
    arguments = {"server": {"name": "a", "standby": {"name": "b", "cores": 2}}, "unit": "kelvin", "tags": ["x", "y"]}

    assert tools_sample.describe_server.execute_with_context(arguments, ToolCallContext()) == "a/1/KELVIN/low/x,y"
    assert tools_sample.describe_server(Server(name="a"), Unit.KELVIN) == "a/1/KELVIN/low/"


def _star(*names: str) -> None: ...
def _double_star(**names: str) -> None: ...
def _positional(name: str, /) -> None: ...
def _bare(name) -> None: ...  # type: ignore[no-untyped-def]  # the point
def _opaque(name: Iterator[str] | ToolRegistry) -> None: ...
def _unknown(name: "Nowhere") -> None: ...  # type: ignore[name-defined]  # noqa: F821 - the point


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (_star, ("'_star'", "*names", "name and annotate")),
        (_double_star, ("'_double_star'", "**names", "name and annotate")),
        (_positional, ("'_positional'", "name", "by name")),
        (_bare, ("'_bare'", "'name'", "annotate it")),
        (_opaque, ("'_opaque'", "'name'", "pydantic models")),
        (_unknown, ("'_unknown'", "Nowhere", "types of its module")),
        (lambda: None, ("'<lambda>'", "@tool(name=")),
    ],
)
def test_an_unsupported_signature_is_refused_by_name_with_a_remedy(function: Any, words: tuple[str, ...]) -> None:
    with pytest.raises(LLMConfigurationError) as caught:
        tool(function)

    assert all(word in caught.value.message for word in words), caught.value.message


def test_generators_are_refused() -> None:
    def rows() -> Iterator[int]:
        yield 1

    async def rows_async() -> AsyncIterator[int]:
        yield 1

    for function in (rows, rows_async):
        with pytest.raises(LLMConfigurationError, match=r"generator.*return a list"):
            tool(function)


JSON_SCALARS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | st.text()


@tool
def typed(integer: int, number: float, flag: bool, text: str, items: list[int], table: dict[str, int], maybe: int | None) -> dict[str, Any]:
    """Take one of each."""
    return locals()


@tool
def anything(value: Any) -> Any:
    """Take anything."""
    return value


GOOD = st.fixed_dictionaries(
    {
        "integer": st.integers(),
        "number": st.floats(allow_nan=False, allow_infinity=False),
        "flag": st.booleans(),
        "text": st.text(),
        "items": st.lists(st.integers()),
        "table": st.dictionaries(st.text(), st.integers()),
        "maybe": st.none() | st.integers(),
    }
)
WRONG = {
    "integer": st.booleans() | st.text() | st.none() | st.floats().filter(lambda number: not number.is_integer()),
    "number": st.booleans() | st.text() | st.none(),
    "flag": st.integers() | st.text() | st.none(),
    "text": st.integers() | st.booleans() | st.none(),
    "items": st.text() | st.lists(st.text(), min_size=1) | st.lists(st.booleans(), min_size=1),
    "table": st.text() | st.dictionaries(st.text(), st.text(), min_size=1),
    "maybe": st.text() | st.booleans(),
}


@pytest.mark.anyio
@given(arguments=GOOD)
async def test_a_function_gets_exactly_the_values_that_satisfy_its_schema(arguments: dict[str, Any]) -> None:
    assert await typed.validate_parameters(arguments)
    received = typed.execute_with_context(arguments, ToolCallContext())

    assert received == arguments
    assert {name: type(value) for name, value in received.items()} == {name: type(value) for name, value in arguments.items()}


@pytest.mark.anyio
@given(arguments=GOOD, data=st.data())
async def test_nothing_is_coerced(arguments: dict[str, Any], data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(list(WRONG)))
    wrong = {**arguments, name: data.draw(WRONG[name])}

    with pytest.raises(LLMToolError) as caught:
        await typed.validate_parameters(wrong)

    assert f"$.{name}" in caught.value.message


@given(value=JSON_SCALARS)
def test_a_parameter_of_any_type_is_passed_through(value: Any) -> None:
    received = anything.execute_with_context({"value": value}, ToolCallContext())

    assert (type(received), received) == (type(value), value)


def test_a_models_own_validation_reports_path_and_reason() -> None:
    class Port(BaseModel):
        number: Annotated[int, Field(strict=True)]
        date: str

    def bind(port: Port) -> None: ...

    bind.__annotations__["port"] = Port

    with pytest.raises(LLMToolError, match=r"\$\.port\.date: Field required"):
        tool(bind).execute_with_context({"port": {"number": 1}}, ToolCallContext())
