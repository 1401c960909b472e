"""Which key each call is made with: read when it is needed, and the one that is least in use. No I/O of its own."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Generic, TypeVar

from pydantic import SecretStr

from ..secrets import SecretFunction, current
from .exchange import Codec

Made = TypeVar("Made")

KeyReference = str | SecretStr | SecretFunction
"""Where a key is: `env:NAME`, `file:PATH`, `call:MODULE:FUNCTION`, itself as a SecretStr, or a function that gives it."""

_REMEMBERED = 16
"""Codecs of keys that were used last."""


@dataclass(slots=True, kw_only=True)
class _Key:
    reference: KeyReference
    in_use: int = 0
    uses: int = 0


class KeyRing:
    """The keys of one account or several; without any, calls are made without."""

    def __init__(self, references: Sequence[KeyReference] = ()) -> None:
        self.keys = [_Key(reference=reference) for reference in references]

    def using(self) -> "Use[str | None]":
        """A block with the key that fewest calls use at present, and that was used least."""
        return Use(self.keys, lambda key: key)


class Codecs:
    """One wire's codec for each key that a call is made with."""

    def __init__(self, wire: str, make: Callable[[str | None], Codec], keys: KeyRing) -> None:
        self.wire = wire
        self._make = functools.lru_cache(maxsize=_REMEMBERED)(make)
        self._keys = keys

    def using_one(self) -> "Use[Codec]":
        """A block with the codec of the key that is least in use; LLMConfigurationError, too, when that fits no header."""
        return Use(self._keys.keys, self._make)


class Use(Generic[Made]):
    """A block that uses one key; entering it raises LLMConfigurationError when the key cannot be read."""

    def __init__(self, keys: Sequence[_Key], make: Callable[[str | None], Made]) -> None:
        self._key = min(keys, key=lambda key: (key.in_use, key.uses)) if keys else None
        self._make = make

    async def __aenter__(self) -> Made:
        if self._key is None:
            return self._make(None)
        self._key.in_use += 1
        self._key.uses += 1
        try:
            return self._make(await current(self._key.reference))
        except BaseException:  # passed on: the key is free again
            self._key.in_use -= 1
            raise

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._key is not None:
            self._key.in_use -= 1
