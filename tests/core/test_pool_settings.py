"""The settings of tool pools, and of where actors are placed."""

import pytest

from polaris_llm.core.exceptions import LLMConfigurationError
from polaris_llm.core.pool_settings import ToolRegistrySettings
from polaris_llm.core.settings import Settings

SIMULATE = "pkg.tools:simulate"


def registry(**section: object) -> ToolRegistrySettings:
    """The section of settings that say this."""
    return Settings.load({"tool_registry": section}).tool_registry


def test_without_pools_all_tools_run_in_the_default_one_which_does_not_grow() -> None:
    tools = registry()

    assert list(tools.all_pools) == ["default"]
    assert (tools.pool_of(SIMULATE), tools.pool_of("echo"), tools.may_grow, tools.most_workers) == ("default", "default", False, 2)


def test_a_tool_runs_in_the_pool_that_lists_it() -> None:
    tools = registry(workers=1, pools={"large": {"tools": [SIMULATE], "max_workers": 8, "num_cpus": 2, "resources": {"licence": 1}}})

    assert (tools.pool_of(SIMULATE), tools.pool_of("pkg.tools:other")) == ("large", "default")
    large = tools.all_pools["large"]
    assert (large.workers, large.most_workers, large.may_grow, large.num_cpus) == (2, 8, True, 2.0)


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ({"workers": 3, "max_workers": 2}, "max_workers is 2, less than the 3 workers that are always there"),
        ({"workers": 0, "max_workers": 2}, "tool_registry.workers = 0: expected to be greater than or equal to 1"),
        ({"pools": {"a": {"workers": 0}}}, "workers is 0: say by max_workers how many there may be"),
        ({"resources": {"licence": -1}}, "resources.licence = -1: expected to be greater than 0"),
        ({"pools": {"default": {"tools": [SIMULATE]}}}, "'default' is described by tool_registry itself"),
        ({"pools": {"a": {"tools": [SIMULATE]}, "b": {"tools": [SIMULATE]}}}, f"{SIMULATE} is listed by two pools"),
        ({"tools": [SIMULATE], "pools": {"a": {"tools": [SIMULATE]}}}, f"{SIMULATE} is listed by two pools"),
        ({"labels": {"a role": "tools"}}, "'a role': expected a label's name"),
        ({"labels": {"role": "tools or so"}}, "'tools or so': expected a label's value"),
        ({"fallback_labels": [{"role": "in()"}]}, "'in()': expected a label's value"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_the_place_and_the_remedy(section: dict[str, object], told: str) -> None:
    with pytest.raises(LLMConfigurationError) as refused:
        registry(**section)

    assert told in refused.value.message


@pytest.mark.parametrize("condition", ["tools", "!head", "in(tools, spare)", "!in(a,b)", "A-b_c.9"])
def test_labels_may_be_conditions(condition: str) -> None:
    assert registry(labels={"example.org/role": condition}).labels == {"example.org/role": condition}
