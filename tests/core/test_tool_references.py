"""How another process finds a tool: by pickle, and by name."""

import pickle
from typing import Any

import pytest

from polaris_llm.core.exceptions import LLMConfigurationError
from polaris_llm.core.tool_registry import EchoTool, FunctionTool, load_tool, tool, tool_reference
from support import tools_sample
from support.tools_sample import NoteTool, SignedTool


@pytest.mark.parametrize("original", [tools_sample.add, tools_sample.who_asks])
def test_a_decorated_function_pickles_by_reference(original: FunctionTool[Any, Any]) -> None:
    assert pickle.loads(pickle.dumps(original)) is original
    assert len(pickle.dumps(original)) < 100


def test_a_function_wrapped_afterwards_pickles_with_its_options() -> None:
    wrapped = tool(name="other", effect="pure")(tools_sample.plain)

    revived = pickle.loads(pickle.dumps(wrapped))

    assert revived.get_schema() == wrapped.get_schema()
    assert revived("x") == "x"


def test_references_lead_back_to_the_tool() -> None:
    assert tool_reference(tools_sample.add) == "support.tools_sample:add"
    assert load_tool(tool_reference(tools_sample.add)) is tools_sample.add
    assert tool_reference(NoteTool) == "support.tools_sample:NoteTool"
    assert tool_reference(tool(tools_sample.plain)) == "support.tools_sample:plain"


@pytest.mark.parametrize("name", ["NoteTool", "note"])
def test_a_class_or_an_object_can_be_loaded(name: str) -> None:
    loaded = load_tool(f"support.tools_sample:{name}")

    assert isinstance(loaded, NoteTool)
    assert loaded.name == "note"


def test_a_plain_function_is_loaded_as_a_tool() -> None:
    loaded = load_tool("support.tools_sample:plain")

    assert loaded.get_schema().description == "Give the text back."


def test_a_nested_name_can_be_loaded() -> None:
    assert load_tool("polaris_llm.core.tool_registry:EchoTool").name == "echo"


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        ("support.tools_sample", "not of the form 'module:name'"),
        (":add", "not of the form 'module:name'"),
        ("support.tools_nowhere:add", "cannot be imported"),
        (".tools_sample:add", "not of the form 'module:name'"),
        ("support.tools_sample:nothing", "no such name"),
        ("support.tools_sample:not_a_tool", "it is a int"),
        ("support.tools_sample:Server", "it is a ModelMetaclass"),
        ("support.tools_sample:SignedTool", "cannot be built without arguments"),
        ("polaris_llm.core.tools:BaseTool", "cannot be built without arguments"),
    ],
)
def test_what_cannot_be_loaded_is_named_with_the_reason(reference: str, reason: str) -> None:
    with pytest.raises(LLMConfigurationError) as caught:
        load_tool(reference)

    assert repr(reference) in caught.value.message
    assert reason in caught.value.message


def test_objects_and_local_functions_have_no_reference() -> None:
    @tool
    def local() -> None: ...

    for unreachable, remedy in ((local, "top level of a module"), (EchoTool(), "keep it live"), (SignedTool("me"), "keep it live")):
        with pytest.raises(LLMConfigurationError, match=remedy):
            tool_reference(unreachable)
