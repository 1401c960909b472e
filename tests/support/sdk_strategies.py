"""JSON as the models of an official SDK describe it."""

import types
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from hypothesis import strategies as st
from pydantic import BaseModel

from .model_strategies import JSON_VALUES, TEXTS

_SCALARS: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXTS,
    int: st.integers(0, 999),
    float: st.floats(0, 999, width=16),
    bool: st.booleans(),
    type(None): st.none(),
}


@cache
def wires_of(kind: Any) -> st.SearchStrategy[Any]:  # any annotation
    """JSON values that a type of the SDK takes, members that may be missing among them."""
    return st.deferred(lambda: _strategy(kind))


def said_by(kind: type[BaseModel], **fixed: Any) -> st.SearchStrategy[dict[str, Any]]:
    """What a server says that serialises a model of the SDK; `fixed` are members whose values are given."""

    def serialised(wire: dict[str, Any]) -> dict[str, Any]:
        return kind.model_validate(wire | fixed).model_dump(mode="json", by_alias=True, exclude_unset=True)

    return wires_of(kind).map(serialised)


def _strategy(kind: Any) -> st.SearchStrategy[Any]:
    arguments = get_args(kind)
    match get_origin(kind):
        case origin if origin is Annotated:
            return wires_of(arguments[0])
        case origin if origin is Literal:
            return st.sampled_from(arguments)
        case origin if origin in (Union, types.UnionType):
            return st.one_of(*map(wires_of, arguments))
        case origin if origin is list:
            return st.lists(wires_of(arguments[0]), max_size=2)
        case origin if origin is dict:
            return st.dictionaries(TEXTS, wires_of(arguments[1]), max_size=2)
        case _:
            return _model(kind) if isinstance(kind, type) and issubclass(kind, BaseModel) else _SCALARS.get(kind, JSON_VALUES)


def _model(kind: type[BaseModel]) -> st.SearchStrategy[Any]:
    required: dict[str, st.SearchStrategy[Any]] = {}
    optional: dict[str, st.SearchStrategy[Any]] = {}
    for name, field in kind.model_fields.items():
        annotation: Any = field.annotation
        (required if field.is_required() else optional)[field.alias or name] = wires_of(annotation)
    return st.fixed_dictionaries(required, optional=optional)
