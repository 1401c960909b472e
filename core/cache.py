"""The contract's cache: model responses and tool results in this process, by synchronous calls, copied in and out."""

import logging
import pickle
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from pydantic_core import to_jsonable_python

from .bounded_store import BoundedStore
from .cache_key import cache_key, stable_digest
from .flat import typed_request
from .models import LLMRequest, LLMResponse, ToolResult

logger = logging.getLogger(__name__)

Kind = Literal["llm", "tool"]

MAX_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class LLMCacheEntry:
    """One kept answer, as `get_cache_info` tells of it."""

    kind: Kind
    name: str
    """The model or the tool."""
    key: str
    expires_in_s: float
    size: int
    """Bytes."""


@dataclass(slots=True)
class _Count:
    hits: int = 0
    misses: int = 0


class LLMCache:
    """Keeps at most `max_size` answers in `max_bytes`, for `default_ttl` seconds each; 0 keeps nothing. Usable from several threads."""

    def __init__(
        self,
        max_size: int = 1000,
        default_ttl: float = 300,
        cleanup_interval: float = 60,
        clock: Callable[[], float] = time.monotonic,
        *,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self.max_size = max_size
        self.default_ttl = default_ttl
        self.cleanup_interval = cleanup_interval
        self._clock = clock
        self._store = BoundedStore(max_size, max_bytes, clock)
        self._lock = threading.Lock()
        self._cleanups = 0
        self._cleaned_at = clock()
        self._counts: dict[Kind, _Count] = {"llm": _Count(), "tool": _Count()}

    def get_llm_response(self, request: LLMRequest) -> LLMResponse | None:
        """A copy of the kept response to an equal request."""
        found: LLMResponse | None = self._get("llm", _llm_key(request))
        return found

    def cache_llm_response(self, request: LLMRequest, response: LLMResponse, ttl: float | None = None) -> None:
        """Keep a copy of a response."""
        self._put(_llm_key(request), response, ttl)

    def get_tool_result(self, tool_name: str, parameters: dict[str, Any]) -> ToolResult | None:  # JSON, or nearly
        """A copy of the kept result of an equal call."""
        found: ToolResult | None = self._get("tool", _tool_key(tool_name, parameters))
        return found

    def cache_tool_result(
        self,
        tool_name: str,
        parameters: dict[str, Any],  # JSON, or nearly
        result: ToolResult,
        ttl: float | None = None,
    ) -> None:
        """Keep a copy of a result, unless it is a failure."""
        if result.success:
            self._put(_tool_key(tool_name, parameters), result, ttl)

    def invalidate_llm_cache(self, model_name: str | None = None) -> int:
        """Forget the responses of one model, or of all; says how many."""
        return self._forget("llm", model_name)

    def invalidate_tool_cache(self, tool_name: str | None = None) -> int:
        """Forget the results of one tool, or of all; says how many."""
        return self._forget("tool", tool_name)

    def clear_all(self) -> None:
        """Forget everything."""
        with self._lock:
            self._store.remove_prefix("")

    def get_statistics(self) -> dict[str, Any]:  # the contract's shape
        """Sizes, hits and misses per kind, and what the bounds made go."""
        with self._lock:
            sizes = {kind: sum(1 for entry in self._entries() if entry.kind == kind) for kind in self._counts}
            return {
                "llm_cache": _figures(self._counts["llm"], sizes["llm"]),
                "tool_cache": _figures(self._counts["tool"], sizes["tool"]),
                "total_size": len(self._store),
                "max_size": self.max_size,
                "evictions": self._store.statistics().evictions,
                "cleanups": self._cleanups,
            }

    def get_cache_info(self) -> dict[str, Any]:  # the contract's shape
        """All entries of either kind, and the statistics."""
        with self._lock:
            entries = list(self._entries())
        llm, tool = ([entry for entry in entries if entry.kind == kind] for kind in ("llm", "tool"))
        return {"llm_entries": llm, "tool_entries": tool, "statistics": self.get_statistics()}

    def _get(self, kind: Kind, key: str) -> Any:  # whatever was put under that key
        with self._lock:
            self._clean()
            value = self._store.get(key)
            count = self._counts[kind]
            count.hits += value is not None
            count.misses += value is None
        return None if value is None else pickle.loads(value)  # our own bytes, of this process

    def _put(self, key: str, value: object, ttl: float | None) -> None:
        try:
            content = pickle.dumps(value)
        except (pickle.PicklingError, TypeError, AttributeError) as error:
            logger.debug("not cached, because it cannot be copied: %s", error)
            return
        with self._lock:
            self._clean()
            self._store.put(key, content, self.default_ttl if ttl is None else ttl)

    def _forget(self, kind: Kind, name: str | None) -> int:
        with self._lock:
            return self._store.remove_prefix(f"{kind}\n" if name is None else f"{kind}\n{name}\n")

    def _clean(self) -> None:
        now = self._clock()
        if now - self._cleaned_at >= self.cleanup_interval:
            self._store.sweep()
            self._cleaned_at = now
            self._cleanups += 1

    def _entries(self) -> Iterator[LLMCacheEntry]:
        now = self._clock()
        for key, entry in self._store.items():
            kind: Kind = "llm" if key.startswith("llm\n") else "tool"
            name = key[len(kind) + 1 :].rpartition("\n")[0]
            yield LLMCacheEntry(kind=kind, name=name, key=key, expires_in_s=max(0.0, entry.expires_at - now), size=len(entry.value))


def _figures(count: _Count, size: int) -> dict[str, Any]:  # the contract's shape
    gets = count.hits + count.misses
    return {"size": size, "hits": count.hits, "misses": count.misses, "hit_rate": count.hits / gets if gets else 0.0}


def _llm_key(request: LLMRequest) -> str:
    way = "stream" if request.stream else ""
    return f"llm\n{request.model_name}\n{cache_key(way, typed_request(request))}"


def _tool_key(tool_name: str, parameters: dict[str, Any]) -> str:  # JSON, or nearly
    plain = to_jsonable_python(parameters, inf_nan_mode="strings", fallback=repr)
    return f"tool\n{tool_name}\n{stable_digest(plain)}"
