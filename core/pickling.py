"""Pickles frozen, slotted values by their fields. Dataclasses' own way looks the fields up anew for every value, which is most of
what a message between actors costs."""

import copyreg
import functools
from collections.abc import Callable
from dataclasses import fields
from operator import attrgetter
from typing import Any

Setter = Callable[[Any, Any], None]


def pickled_by_fields(*classes: type) -> None:
    """Pickle values of these frozen dataclasses with two or more slots by the values of their fields; subclasses stay as they are."""
    for cls in classes:
        copyreg.pickle(cls, functools.partial(_reduce, cls, attrgetter(*(field.name for field in fields(cls)))))


def _reduce(cls: type, values_of: Callable[[object], tuple[Any, ...]], value: object) -> tuple[Any, ...]:
    return _revive, (cls, *values_of(value))


def _revive(cls: type, *values: Any) -> Any:  # an instance of `cls`
    revived: Any = object.__new__(cls)  # an instance of `cls`
    for put, value in zip(_setters(cls), values, strict=True):
        put(revived, value)
    return revived


@functools.cache
def _setters(cls: type) -> tuple[Setter, ...]:
    """The slots themselves: they know nothing of frozen."""
    return tuple(getattr(cls, field.name).__set__ for field in fields(cls))
