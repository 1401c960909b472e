"""Joins identical work in flight: one leads and works, the others follow and share what comes of it."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined(Generic[T]):
    """What came of the work, and whether another did it."""

    value: T
    shared: bool


@dataclass(slots=True)
class _Flight(Generic[T]):
    followers: deque["asyncio.Future[Joined[T] | None]"] = field(default_factory=deque)
    """Each is told the value or the error, or None: lead."""
    failed: bool = False


class SingleFlight(Generic[T]):
    """Work in flight, by key; in one event loop at a time.

    When a leader fails, one follower leads in its place; when that fails too, all get the error. A cancelled leader only
    hands over: its followers are not cancelled with it.
    """

    def __init__(self) -> None:
        self._flights: dict[str, _Flight[T]] = {}

    def __len__(self) -> int:
        return len(self._flights)

    def under_way(self, key: str) -> bool:
        """Whether `join` would follow."""
        return key in self._flights

    async def join(self, key: str, work: Callable[[], Awaitable[T]]) -> Joined[T]:
        """What the work under `key` comes to, if need be by doing it; raises what it raises."""
        flight = self._flights.get(key)
        if flight is None:
            flight = self._flights[key] = _Flight()
        else:
            joined = await self._follow(key, flight)
            if joined is not None:
                return joined
        return Joined(value=await self._lead(key, flight, work), shared=False)

    async def _follow(self, key: str, flight: _Flight[T]) -> Joined[T] | None:
        future: asyncio.Future[Joined[T] | None] = asyncio.get_running_loop().create_future()
        flight.followers.append(future)
        try:
            return await future
        except asyncio.CancelledError:
            if not future.cancelled() and future.exception() is None and future.result() is None:
                self._hand_over(key, flight)  # told to lead, but cancelled before it heard of it
            raise

    async def _lead(self, key: str, flight: _Flight[T], work: Callable[[], Awaitable[T]]) -> T:
        try:
            value = await work()
        except asyncio.CancelledError:
            self._hand_over(key, flight)
            raise
        except BaseException as error:
            self._fail(key, flight, error)
            raise
        self._settle(key, flight, lambda future: future.set_result(Joined(value=value, shared=True)))
        return value

    def _fail(self, key: str, flight: _Flight[T], error: BaseException) -> None:
        if flight.failed:
            self._settle(key, flight, lambda future: future.set_exception(error))
        else:
            flight.failed = True
            self._hand_over(key, flight)

    def _hand_over(self, key: str, flight: _Flight[T]) -> None:
        while flight.followers:
            heir = flight.followers.popleft()
            if not heir.done():
                heir.set_result(None)
                return
        del self._flights[key]

    def _settle(self, key: str, flight: _Flight[T], tell: Callable[["asyncio.Future[Joined[T] | None]"], None]) -> None:
        del self._flights[key]
        for follower in flight.followers:
            if not follower.done():
                tell(follower)
