"""Pools for tools that say what they need of a node: each runs in a pool that gives just that, which is made where there is none.

A pool that lists a tool holds, whatever the tool needs. Otherwise `tools.NAME` of the settings goes before what the tool says
itself, and what neither says is as tool_registry says. An engine of one process has one node, and no pools are made for it.
"""

import logging

from pydantic import ValidationError

from .configured_tools import configured_tool
from .exceptions import LLMConfigurationError
from .pool_settings import DEFAULT_POOL, NeedsSettings, PoolSettings, ToolPoolSettings
from .sections import Labels, Placed
from .settings import Settings
from .settings_errors import configuration_error
from .tool_needs import ToolNeeds
from .tools import BaseTool

logger = logging.getLogger(__name__)


def with_needed_pools(settings: Settings) -> Settings:
    """The settings with a pool for every tool of tool_registry.tools that needs one; raises LLMConfigurationError for wrong needs."""
    if settings.runtime.engine == "inline":
        return settings
    _tell_unused(settings)
    for reference in settings.tool_registry.tools:
        tool = _tool_at(settings, reference)
        if tool is not None and tool.needs and _is_enabled(settings, tool):
            settings = _with_pool_for(settings, reference, tool)
    return settings


def require_pool(settings: Settings, reference: str, tool: BaseTool) -> None:
    """Raise LLMConfigurationError for a tool that nobody lists, and that needs more than the default pool gives."""
    registry = settings.tool_registry
    is_listed = any(reference in pool.tools for pool in registry.all_pools.values())
    if is_listed or not tool.needs or settings.runtime.engine == "inline":
        return
    if _given(settings, _pool_for(settings, reference, tool)) != _given(settings, registry):
        needs = ", ".join(f"{name} {value}" for name, value in tool.needs.items())
        message = f"tool {reference!r} needs {needs}, and this runtime has no pool that gives it: list the tool in tool_registry.tools"
        raise LLMConfigurationError(message, config_key="tools", config_value=reference)


def _with_pool_for(settings: Settings, reference: str, tool: BaseTool) -> Settings:
    registry, wanted = settings.tool_registry, _pool_for(settings, reference, tool)
    fitting = (name for name, pool in registry.all_pools.items() if _given(settings, pool) == _given(settings, wanted))
    name = next(fitting, f"needs-{tool.name}")
    if name == DEFAULT_POOL:
        return settings
    pool = registry.pools.get(name)
    if pool is not None and _given(settings, pool) != _given(settings, wanted):
        message = f"the pool {name!r} would be made for tool {reference!r}, but is there and gives something else: give it another name"
        raise LLMConfigurationError(message, config_key=f"tool_registry.pools.{name}")
    pools = {**registry.pools, name: wanted if pool is None else pool.model_copy(update={"tools": (*pool.tools, reference)})}
    tools = tuple(other for other in registry.tools if other != reference)
    return settings.model_copy(update={"tool_registry": registry.model_copy(update={"tools": tools, "pools": pools})})


def _pool_for(settings: Settings, reference: str, tool: BaseTool) -> ToolPoolSettings:
    """What is made for a tool: as large as the default pool may be, but empty while there are no calls."""
    registry, needs = settings.tool_registry, _checked(reference, tool.needs)
    place = settings.place_of(registry)
    _require_agreement(settings, tool, needs, place)
    sets_aside = not tool.needs.keys() <= {"labels"}  # for one call: then a host gives a worker one at a time
    return ToolPoolSettings(
        tools=(reference,),
        workers=0,
        max_workers=registry.most_workers,
        calls_per_worker=1 if sets_aside else registry.calls_per_worker,
        children_per_worker=registry.children_per_worker,
        grow_after_s=registry.grow_after_s,
        shrink_after_s=registry.shrink_after_s,
        num_cpus=registry.num_cpus if needs.num_cpus is None else needs.num_cpus,
        memory_mb=registry.memory_mb if needs.memory_mb is None else needs.memory_mb,
        resources={**registry.resources, **needs.resources},
        labels={**place.labels, **needs.labels},
        fallback_labels=tuple({**labels, **needs.labels} for labels in place.fallback_labels if not _contradicted(labels, needs.labels)),
    )


def _require_agreement(settings: Settings, tool: BaseTool, needs: NeedsSettings, place: Placed) -> None:
    """A tool cannot go by itself where the settings send no tool, to nodes that have keys perhaps; its own section may send it there."""
    said = settings.tools[tool.name].labels if tool.name in settings.tools else {}
    for name in _contradicted(place.labels, needs.labels):
        if name not in said:
            problem = f"tool {tool.name!r} needs the label {name}: {needs.labels[name]}, but tools run where it is {place.labels[name]}"
            message = f"{problem}: say in tools.{tool.name}.labels which of them holds"
            raise LLMConfigurationError(message, config_key=f"tools.{tool.name}.labels", config_value=needs.labels[name])


def _contradicted(labels: Labels, wanted: Labels) -> list[str]:
    """The names of labels to which both give a condition, and not the same."""
    return [name for name, condition in wanted.items() if labels.get(name, condition) != condition]


def _checked(reference: str, needs: ToolNeeds) -> NeedsSettings:
    try:
        return NeedsSettings.model_validate(needs)
    except ValidationError as error:
        raise configuration_error(NeedsSettings, error, f"needs of tool {reference!r}") from error


def _given(settings: Settings, pool: PoolSettings) -> tuple[object, ...]:
    """What a worker of the pool has of its node."""
    place = settings.place_of(pool)
    return place.labels, place.fallback_labels, pool.num_cpus, pool.memory_mb, pool.resources


def _tool_at(settings: Settings, reference: str) -> BaseTool | None:
    try:
        return configured_tool(settings, reference)
    except LLMConfigurationError as error:
        logger.warning("what tool %s needs of its node is not known here, where it cannot be loaded: %s", reference, error)
        return None


def _is_enabled(settings: Settings, tool: BaseTool) -> bool:
    said = settings.tools.get(tool.name)
    return said is None or said.enabled


def _tell_unused(settings: Settings) -> None:
    saying = {name for name, tool in settings.tools.items() if tool.needs}
    for name, pool in settings.tool_registry.pools.items() if saying else ():
        for tool in (_tool_at(settings, reference) for reference in pool.tools):
            if tool is not None and tool.name in saying:
                logger.warning("what tools.%s needs is not used: the pool %s lists the tool and says what it gives", tool.name, name)
