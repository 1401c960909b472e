"""Which key each call is made with: read when it is needed, and the one that is least in use. No I/O of its own."""

import functools
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from pydantic import SecretStr

from ..secrets import SecretFunction, current
from .exchange import Codec

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
        self._keys = [_Key(reference=reference) for reference in references]

    @asynccontextmanager
    async def using(self) -> AsyncGenerator[str | None, None]:
        """The key that fewest calls use at present, and that was used least; raises LLMConfigurationError when it cannot be read."""
        if not self._keys:
            yield None
            return
        key = min(self._keys, key=lambda key: (key.in_use, key.uses))
        key.in_use += 1
        key.uses += 1
        try:
            yield await current(key.reference)
        finally:
            key.in_use -= 1


class Codecs:
    """One wire's codec for each key that a call is made with."""

    def __init__(self, wire: str, make: Callable[[str | None], Codec], keys: KeyRing) -> None:
        self.wire = wire
        self._make = functools.lru_cache(maxsize=_REMEMBERED)(make)
        self._keys = keys

    @asynccontextmanager
    async def using_one(self) -> AsyncGenerator[Codec, None]:
        """The codec of the key that is least in use; raises LLMConfigurationError when that cannot be read, or fits no header."""
        async with self._keys.using() as key:
            yield self._make(key)
