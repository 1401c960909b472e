"""The settings of tool pools: how many workers each has, what a worker has of its node, and which tools run there."""

from collections import Counter

from pydantic import Field, model_validator

from .polaris_config import BUILT_IN_TOOLS
from .sections import ImportReference, Labels, Name, Placed, Resources, Section
from .tool_needs import ToolNeeds, needs_among
from .tool_results import MAX_RESULT_CHARACTERS

DEFAULT_POOL = "default"
"""The pool of all tools that no other pool lists; tool_registry itself describes it."""
MEGABYTE = 1_000_000


class NeedsSettings(Section):
    """What is set aside for each call of a tool, and where it runs."""

    num_cpus: float | None = Field(default=None, ge=0)
    """CPUs."""
    memory_mb: int | None = Field(default=None, ge=1)
    """Megabytes."""
    resources: Resources = Field(default_factory=dict)
    """Custom resources, as nodes declare them."""
    labels: Labels = Field(default_factory=dict)
    """Labels that a node must have, beside those that it must have for all tools."""

    @property
    def needs(self) -> ToolNeeds:
        """What is said, as a tool would say it."""
        return needs_among(self.model_dump(exclude_defaults=True))


class PoolSettings(Placed):
    """The workers of one pool. It grows while calls wait, up to max_workers, and shrinks again when there are few."""

    workers: int = Field(default=2, ge=1)
    """Workers that are always there."""
    max_workers: int | None = Field(default=None, ge=1)
    """Workers at most; None is as many as `workers`: the pool never grows."""
    calls_per_worker: int = Field(default=4, ge=1)
    """Calls that one host of sessions gives a worker at once, in a pool that may grow; what waits beyond makes it grow."""
    grow_after_s: float = Field(default=3.0, ge=0)
    """Seconds for which more workers must have been wanted before the pool grows."""
    shrink_after_s: float = Field(default=300.0, ge=0)
    """Seconds for which fewer workers must have been enough before the pool shrinks."""
    children_per_worker: int = Field(default=2, ge=1)
    """Child processes of one worker, for synchronous and CPU-bound tools."""
    num_cpus: float = Field(default=0.0, ge=0)
    """CPUs that Ray sets aside for one worker; 0 shares what is there."""
    memory_mb: int | None = Field(default=None, ge=1)
    """Megabytes that Ray sets aside for one worker; it does not enforce them."""
    resources: Resources = Field(default_factory=dict)
    """Custom resources that Ray sets aside for one worker, as its nodes declare them."""

    @model_validator(mode="after")
    def _at_least_those_that_stay(self) -> "PoolSettings":
        if self.max_workers is not None and self.max_workers < self.workers:
            raise ValueError(f"max_workers is {self.max_workers}, less than the {self.workers} workers that are always there")
        if self.most_workers == 0:
            raise ValueError("workers is 0: say by max_workers how many there may be")
        return self

    @property
    def most_workers(self) -> int:
        """How many there may be."""
        return self.workers if self.max_workers is None else self.max_workers

    @property
    def may_grow(self) -> bool:
        """Whether the number of workers changes at all."""
        return self.most_workers > self.workers


class ToolPoolSettings(PoolSettings):
    """A pool for tools that need other nodes, or more of a node, than the rest."""

    workers: int = Field(default=2, ge=0)
    """Workers that are always there; 0 hires the first when there is a call."""
    tools: tuple[ImportReference, ...] = Field(default=(), strict=False)
    """The tools that run in this pool and nowhere else, each `module:attribute`; others come here that need just what it gives."""


class ToolRegistrySettings(PoolSettings):
    """Which tools there are, and the pools that run them; what stands here itself is the default pool."""

    tools: tuple[ImportReference, ...] = Field(default=tuple(BUILT_IN_TOOLS.values()), strict=False)
    """Where the tools are found, each `module:attribute`."""
    timeout_s: float = Field(default=30.0, gt=0)
    """Seconds of one call, where the tool itself says nothing."""
    max_result_chars: int = Field(default=MAX_RESULT_CHARACTERS, ge=1)
    """Characters of one result, as JSON; a longer one is an error of its tool."""
    pools: dict[Name, ToolPoolSettings] = Field(default_factory=dict)
    """Further pools, by name. One without labels has those of the default pool; what else it leaves out has its default."""

    @model_validator(mode="after")
    def _one_pool_each(self) -> "ToolRegistrySettings":
        if DEFAULT_POOL in self.pools:
            raise ValueError(f"the pool {DEFAULT_POOL!r} is described by tool_registry itself, not in tool_registry.pools")
        listed = Counter(tool for pool in self.all_pools.values() for tool in dict.fromkeys(pool.tools))
        twice = [tool for tool, times in listed.items() if times > 1]
        if twice:
            raise ValueError(f"{twice[0]} is listed by two pools: a tool runs in one of them")
        return self

    @property
    def all_pools(self) -> "dict[str, ToolPoolSettings | ToolRegistrySettings]":
        """Every pool by its name, the default one first."""
        return {DEFAULT_POOL: self, **self.pools}

    def known_to(self, pool: str) -> tuple[str, ...]:
        """The pools whose tools the workers of a pool know by name: its own, and the default one's those of pools that may be empty."""
        return (pool, *(name for name, other in self.pools.items() if other.workers == 0)) if pool == DEFAULT_POOL else (pool,)

    def pool_of(self, reference: str) -> str:
        """The name of the pool that runs the tool at `module:attribute`."""
        return next((name for name, pool in self.pools.items() if reference in pool.tools), DEFAULT_POOL)
