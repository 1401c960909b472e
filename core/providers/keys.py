"""Which key each call is made with: read when it is needed, and the one that is least in use. No I/O of its own."""

import functools
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Generic, TypeVar

from pydantic import SecretStr

from ..exceptions import LLMAuthenticationError, LLMPermissionError, LLMRateLimitError
from ..secrets import SecretFunction, current
from .exchange import Codec

Made = TypeVar("Made")

KeyReference = str | SecretStr | SecretFunction
"""Where a key is: `env:NAME`, `file:PATH`, `call:MODULE:FUNCTION`, itself as a SecretStr, or a function that gives it."""

REST_S = 60.0
"""How long a key is left alone that the provider refused without saying for how long."""
_OF_THE_KEY = (LLMAuthenticationError, LLMPermissionError, LLMRateLimitError)
"""What another key may not meet."""
_REMEMBERED = 16
"""Codecs of keys that were used last."""


@dataclass(slots=True, kw_only=True)
class _Key:
    reference: KeyReference
    in_use: int = 0
    uses: int = 0
    rests_until: float = -math.inf


class KeyRing:
    """The keys of one account or several; without any, calls are made without."""

    def __init__(self, references: Sequence[KeyReference] = (), clock: Callable[[], float] = time.monotonic) -> None:
        self._keys = [_Key(reference=reference) for reference in references]
        self._clock = clock

    def using(self) -> "Use[str | None]":
        """A block with the key that fewest calls use at present, and that was used least."""
        return Use(self, lambda key: key)

    def take(self) -> _Key | None:
        """That key, from now on in use; one that the provider refused only when all were."""
        if not self._keys:
            return None
        now = self._clock()
        key = min(self._keys, key=lambda key: (key.rests_until > now, key.in_use, key.uses))
        key.in_use += 1
        key.uses += 1
        return key

    def give_back(self, key: _Key, error: BaseException | None) -> None:
        """The key is in use no more. One that was refused rests, and where another one does not, the call may be tried again at once."""
        key.in_use -= 1
        if not isinstance(error, _OF_THE_KEY) or len(self._keys) == 1:
            return
        now = self._clock()
        key.rests_until = now + (REST_S if error.retry_after is None else error.retry_after)
        if any(other.rests_until <= now for other in self._keys):
            error.retryable, error.retry_after = True, 0.0


class Codecs:
    """One wire's codec for each key that a call is made with."""

    def __init__(self, wire: str, make: Callable[[str | None], Codec], keys: KeyRing) -> None:
        self.wire = wire
        self._make = functools.lru_cache(maxsize=_REMEMBERED)(make)
        self._keys = keys

    def using_one(self) -> "Use[Codec]":
        """A block with the codec of the key that is least in use; LLMConfigurationError, too, when that fits no header."""
        return Use(self._keys, self._make)


class Use(Generic[Made]):
    """A block that uses one key; entering it raises LLMConfigurationError when the key cannot be read."""

    def __init__(self, ring: KeyRing, make: Callable[[str | None], Made]) -> None:
        self._ring = ring
        self._make = make
        self._key: _Key | None = None

    async def __aenter__(self) -> Made:
        key = self._key = self._ring.take()
        if key is None:
            return self._make(None)
        try:
            return self._make(await current(key.reference))
        except BaseException as error:  # passed on: the key is free again
            self._ring.give_back(key, error)
            raise

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._key is not None:
            self._ring.give_back(self._key, error)
