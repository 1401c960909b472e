"""Pickles frozen, slotted values by their fields. Dataclasses' own way looks the fields up anew for every value, which is most of
what a message between actors costs. What is sent again with every turn of a session is pickled, and read, only once."""

import copyreg
import functools
import pickle
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

from .frozen import revive, values_of

Made = TypeVar("Made")

MAX_SHARED = 2048
"""Values that a process keeps by their bytes."""
MAX_SHARED_BYTES = 24_000
"""Of one such value; larger ones are read anew each time."""


class Remembering:
    """The base of frozen, slotted values that keep what was made of them: their fields never change."""

    __slots__ = ("pickled", "spelled")

    pickled: bytes
    spelled: str
    """The value's part of a cache key."""


def remember(value: Remembering, name: str, made: Made) -> Made:
    """Keep what was made of a frozen value with it."""
    object.__setattr__(value, name, made)
    return made


def pickled_by_fields(*classes: type) -> None:
    """Pickle values of these frozen dataclasses with two or more slots by the values of their fields; subclasses stay as they are."""
    for cls in classes:
        copyreg.pickle(cls, functools.partial(_reduce, cls, values_of(cls)))


def pickled_once(*classes: type) -> None:
    """As `pickled_by_fields`, but keeps the bytes with the value; equal bytes are read as one value, where nobody can change it."""
    for cls in classes:
        copyreg.pickle(cls, functools.partial(_reduce_once, cls, values_of(cls)))


def _reduce_once(cls: type, values: Callable[[object], tuple[Any, ...]], value: Remembering) -> tuple[Any, ...]:
    try:
        data = value.pickled
    except AttributeError:
        data = remember(value, "pickled", pickle.dumps(values(value), protocol=pickle.HIGHEST_PROTOCOL))
    return _read, (cls, data)


def _read(cls: type, data: bytes) -> Any:  # an instance of `cls`
    shared = _shared(cls, data) if len(data) <= MAX_SHARED_BYTES else None
    return revive(cls, *pickle.loads(data)) if shared is None else shared


@functools.lru_cache(maxsize=MAX_SHARED)
def _shared(cls: type, data: bytes) -> Any:  # an instance of `cls`; None where one reader could change it under another
    value = revive(cls, *pickle.loads(data))
    if _can_change(value):
        return None
    remember(value, "pickled", data)
    return value


def _can_change(value: object) -> bool:
    """Whether there is a dictionary or a list in it."""
    match value:
        case dict() | list():
            return True
        case tuple():
            return any(map(_can_change, value))
        case _ if is_dataclass(value):
            return any(_can_change(getattr(value, field.name)) for field in fields(value))
        case _:
            return False


def _reduce(cls: type, values: Callable[[object], tuple[Any, ...]], value: object) -> tuple[Any, ...]:
    return revive, (cls, *values(value))
