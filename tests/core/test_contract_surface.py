"""The POLARIS contract's names, signatures and shapes, as `data/contract_surface.json` tells them; the code may offer more.

A default of `...` is any; what stands before `/` may be given by name as well; `-> AsyncGenerator` marks what is used by
`async for`.
"""

import dataclasses
import importlib
import inspect
import json
from collections.abc import AsyncGenerator, Callable, Iterator
from inspect import Parameter
from pathlib import Path
from typing import Any

import pytest

import polaris_llm
from polaris_llm import (
    Conversation,
    ConversationManager,
    EchoTool,
    LLMRateLimitError,
    MockLLMClient,
    RateLimitExceededError,
    ResponseParser,
    ToolRegistry,
)

SURFACE = json.loads((Path(__file__).parents[1] / "data" / "contract_surface.json").read_text(encoding="utf-8"))
HOMES = [(home, name) for home, names in SURFACE["homes"].items() for name in names]
SIGNATURES = [(name, line) for name, lines in SURFACE["signatures"].items() for line in lines]
PLACED = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
INSTANCES: dict[str, Callable[[], object]] = {
    "MockLLMClient": MockLLMClient,
    "EchoTool": EchoTool,
    "ResponseParser": ResponseParser,
    "Conversation": Conversation,
    "ConversationManager": lambda: ConversationManager(MockLLMClient(), ToolRegistry(), ResponseParser()),
    "LLMRateLimitError": lambda: LLMRateLimitError("slow down", 2.0),
    "RateLimitExceededError": lambda: RateLimitExceededError("slow down", 2.0, "burst"),
}


def promised(line: str) -> Callable[..., object]:
    """A function of the header that a line of the data is."""
    scope: dict[str, Any] = {"AsyncGenerator": AsyncGenerator}
    exec(f"{line}: ...", scope)
    function: Callable[..., object] = scope[line.partition("(")[0].rpartition(" ")[2]]
    return function


def offered(name: str, method: str) -> Callable[..., object]:
    """What the code has under a public name, or under a method's."""
    value: Callable[..., object] = getattr(polaris_llm, name)
    return value if method in (name, "__init__") else inspect.getattr_static(value, method)


def parameters(function: Callable[..., object]) -> list[Parameter]:
    """All parameters but self and cls; those of a dataclass with the defaults that its factories make."""
    made = {field.name: field.default_factory for field in dataclasses.fields(function)} if dataclasses.is_dataclass(function) else {}
    function = function.__func__ if isinstance(function, classmethod) else function
    return [
        each.replace(default=factory()) if callable(factory := made.get(name)) else each
        for name, each in inspect.signature(function).parameters.items()
        if name not in ("self", "cls")
    ]


def differences(wanted: list[Parameter], found: list[Parameter]) -> Iterator[str]:
    """Every way in which a call that the contract allows would fail, or mean something else."""
    by_name = {each.name: each for each in found if each.kind in (*PLACED, Parameter.KEYWORD_ONLY)}
    by_place = [each.name for each in found if each.kind in PLACED]
    for place, each in enumerate(wanted):
        if each.kind is Parameter.VAR_KEYWORD:
            if all(other.kind is not each.kind for other in found):
                yield "takes no further keywords"
        elif each.name not in by_name:
            yield f"{each.name} is missing"
        elif each.kind in PLACED and each.name not in by_place[place : place + 1]:
            yield f"{each.name} is not in place {place}"
        elif each.kind is not Parameter.POSITIONAL_ONLY and by_name[each.name].kind is Parameter.POSITIONAL_ONLY:
            yield f"{each.name} cannot be given by name"
        elif not same_default(each.default, by_name[each.name].default):
            yield f"{each.name} defaults to {by_name[each.name].default!r}"
    for each in by_name.values():
        if each.name not in {other.name for other in wanted} and each.default is Parameter.empty:
            yield f"{each.name} is needed too"


def same_default(wanted: object, found: object) -> bool:
    """Whether a default is the promised one; `...` is promised of any."""
    return found is not Parameter.empty if wanted is ... else found == wanted


def test_the_data_tells_of_all_forty_four_exports_and_six_names_more() -> None:
    assert len({name for _, name in HOMES}) == 44 + 6
    assert len(SURFACE["homes"]) == 10


def test_the_data_tells_the_shape_of_every_name() -> None:
    told = [*SURFACE["signatures"], *SURFACE["values"], *SURFACE["shapeless"]]

    assert sorted(told) == sorted({name for _, name in HOMES})


@pytest.mark.parametrize(("home", "name"), HOMES)
def test_a_name_is_the_same_thing_in_its_module_and_in_the_package(home: str, name: str) -> None:
    module = importlib.import_module(f"polaris_llm.core.{home}")

    assert name in polaris_llm.__all__
    assert getattr(module, name) is getattr(polaris_llm, name)


@pytest.mark.parametrize(("name", "line"), SIGNATURES)
def test_a_callable_takes_every_call_that_the_contract_allows(name: str, line: str) -> None:
    wanted = promised(line)
    found = offered(name, wanted.__name__)

    assert list(differences(parameters(wanted), parameters(found))) == []


@pytest.mark.parametrize(("name", "line"), [each for each in SIGNATURES if "__init__" not in each[1]])
def test_a_callable_is_awaited_iterated_or_called_as_the_contract_says(name: str, line: str) -> None:
    wanted = promised(line)
    found = offered(name, wanted.__name__)

    assert inspect.iscoroutinefunction(found) == inspect.iscoroutinefunction(wanted)
    assert inspect.isasyncgenfunction(found) == (inspect.signature(wanted).return_annotation is AsyncGenerator)


@pytest.mark.parametrize(
    ("line", "difference"),
    [
        ("def f(a)", "b is missing"),
        ("def f(b, a)", "a is not in place 0"),
        ("def f(a, b=2)", "b defaults to 2"),
        ("def f(a, b=1, *, c)", "c is needed too"),
        ("def f(a, *, b=1)", "b is not in place 1"),
        ("def f(a, b=1, /)", "b cannot be given by name"),
    ],
)
def test_a_signature_that_breaks_a_caller_is_noticed(line: str, difference: str) -> None:
    wanted = parameters(promised("def f(a, b=1)"))

    assert difference in differences(wanted, parameters(promised(line)))


@pytest.mark.parametrize("name", SURFACE["values"])
def test_an_enumeration_has_the_contracts_values(name: str) -> None:
    assert {member.name: member.value for member in getattr(polaris_llm, name)}.items() >= SURFACE["values"][name].items()


@pytest.mark.parametrize("name", [*SURFACE["frozen"], *SURFACE["mutable"]])
def test_values_are_frozen_and_conversations_are_not(name: str) -> None:
    kind = getattr(polaris_llm, name)

    assert kind.__dataclass_params__.frozen == (name in SURFACE["frozen"])


@pytest.mark.parametrize("name", SURFACE["attributes"])
def test_an_instance_has_the_attributes_that_the_contract_reads(name: str) -> None:
    instance = INSTANCES[name]()

    assert [attribute for attribute in SURFACE["attributes"][name] if not hasattr(instance, attribute)] == []


@pytest.mark.parametrize(("name", "parent"), list(SURFACE["parents"].items()))
def test_who_catches_the_parent_catches_the_child(name: str, parent: str) -> None:
    assert issubclass(getattr(polaris_llm, name), getattr(polaris_llm, parent))
