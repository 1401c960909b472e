"""Frozen, slotted values made from the fields of others, which are not looked at again: half the time that their class takes."""

import functools
from collections.abc import Callable
from dataclasses import fields
from operator import attrgetter
from typing import Any, TypeVar, cast

Value = TypeVar("Value")
Setter = Callable[[Any, Any], None]


def revive(cls: type, *values: Any) -> Any:  # an instance of `cls`
    """A value from those of its fields."""
    revived: Any = object.__new__(cls)  # an instance of `cls`
    for put, value in zip(_setters(cls), values, strict=True):
        put(revived, value)
    return revived


def changed(value: Value, /, **changes: Any) -> Value:  # by the names of fields
    """As dataclasses.replace, for values with two or more fields and without `__post_init__`."""
    cls: type = type(value)
    copied = revive(cls, *values_of(cls)(value))
    for name, new in changes.items():
        getattr(cls, name).__set__(copied, new)
    return cast(Value, copied)


@functools.cache
def values_of(cls: type) -> Callable[[object], tuple[Any, ...]]:
    """What gives the values of the fields; raises ValueError where there are less than two."""
    first, second, *others = (field.name for field in fields(cls))
    return attrgetter(first, second, *others)


@functools.cache
def _setters(cls: type) -> tuple[Setter, ...]:
    """The slots themselves: they know nothing of frozen."""
    return tuple(getattr(cls, field.name).__set__ for field in fields(cls))
