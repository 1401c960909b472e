"""What the rest of the package needs of a place where actors live."""

import importlib
from dataclasses import dataclass, field
from typing import Any, Protocol

from .messages import Blob, LargeValues, Mail, MailReply


class ActorGoneError(Exception):
    """The actor died, or was stopped, before it answered. Links turn it into what callers see."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """What an actor needs of the node that it lives on; an engine of one process has one node, and ignores it."""

    labels: dict[str, str] = field(default_factory=dict)
    """Labels that the node must have; a value may be a condition, such as `!value` or `in(one, another)`."""
    fallback_labels: tuple[dict[str, str], ...] = ()
    """Tried in this order while no node fits `labels`."""
    num_cpus: float = 0.0
    memory_bytes: int | None = None
    resources: dict[str, float] = field(default_factory=dict)
    """Custom ones, as nodes declare them."""
    is_spread: bool = False
    """Whether actors like it had better live on many nodes than on one."""

    @property
    def wanted(self) -> dict[str, object]:
        """What a node must have, by name; empty where any node will do."""
        wanted = {"labels": self.labels, "num_cpus": self.num_cpus, "memory_bytes": self.memory_bytes, "resources": self.resources}
        return {name: value for name, value in wanted.items() if value}


@dataclass(frozen=True, slots=True, kw_only=True)
class ActorSpec:
    """An actor to create. Everything in it is small and plain: a cluster keeps it for as long as the actor lives."""

    name: str
    factory: str
    """`module:callable`, called as `callable(links, **arguments)` in the actor's process; what it returns may define
    `async start()` and `async stop()`."""
    arguments: dict[str, Any] = field(default_factory=dict)  # what the factory takes
    capacity: int = 10_000
    """Asks it may have in hand; further ones are refused as overload."""
    lease_s: float = 30.0
    """Seconds without a sign of life after which a caller counts as dead, and its asks are cancelled."""
    placement: Placement = Placement()
    start_s: float = 120.0
    """Seconds in which it must have started: a node may have to be found for it, a process begun, the package imported."""
    restarted_by_engine: bool = False
    """Whether the engine itself starts it anew when it dies: for the supervisor, which does so for all others."""

    def build(self, links: object) -> Any:  # whatever the factory makes
        """The plain object that is to be the actor, with the links of its process."""
        module, _, name = self.factory.partition(":")
        return getattr(importlib.import_module(module), name)(links, **self.arguments)


class Address(Protocol):
    """A living actor."""

    async def mail(self, mail: Mail) -> MailReply:
        """Hand over messages; raises ActorGoneError."""
        ...

    async def collect(self, caller: str, wait_s: float) -> list[Blob]:
        """Answers that were late, as soon as there are any, or none after `wait_s`; raises ActorGoneError."""
        ...

    def leave(self) -> None:
        """Give up what is kept open to it; this address is not used any more."""
        ...


class Engine(LargeValues, Protocol):
    """Creates actors, finds them and stops them."""

    async def create(self, spec: ActorSpec) -> None:
        """Start an actor and return when it can be found; nothing happens if one of this name lives."""
        ...

    async def find(self, name: str) -> Address | None:
        """The living actor of this name."""
        ...

    async def stop(self, name: str) -> None:
        """End an actor at once; nothing happens if there is none."""
        ...
