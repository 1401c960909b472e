"""What tools need of their nodes: who says it, who goes first, and which pool each tool has for it."""

from typing import Any

import pytest

from polaris_llm.core.configured_tools import configured_tool
from polaris_llm.core.exceptions import LLMConfigurationError
from polaris_llm.core.needed_pools import require_pool, with_needed_pools
from polaris_llm.core.pool_settings import ToolRegistrySettings
from polaris_llm.core.settings import Settings
from polaris_llm.core.tool_functions import load_tool

SIMULATE, FORECAST, PROBE, LICENSED, WRONG = (
    f"support.needy_tools:{name}" for name in ("simulate", "forecast", "probe", "Licensed", "wrong")
)
ADD = "support.tools_sample:add"


def placed(*tools: str, registry: dict[str, Any] | None = None, **sections: Any) -> ToolRegistrySettings:  # the settings' sections
    """The registry of settings that list these tools, with the pools that they need."""
    return with_needed_pools(Settings.load({"tool_registry": {"tools": tools, **(registry or {})}, **sections})).tool_registry


def test_tools_with_equal_needs_share_a_pool_that_is_empty_without_calls_and_others_stay_where_they_are() -> None:
    registry = placed(SIMULATE, ADD, FORECAST, registry={"max_workers": 6, "shrink_after_s": 9.0})

    assert {name: pool.tools for name, pool in registry.all_pools.items()} == {"default": (ADD,), "needs-simulate": (SIMULATE, FORECAST)}
    pool = registry.pools["needs-simulate"]
    assert (pool.num_cpus, pool.labels, pool.memory_mb, pool.resources) == (4.0, {"size": "large"}, None, {})
    assert (pool.workers, pool.most_workers, pool.calls_per_worker, pool.shrink_after_s) == (0, 6, 1, 9.0)
    assert registry.known_to("default") == ("default", "needs-simulate")


def test_settings_with_needed_pools_are_settings_like_any_others() -> None:
    settings = with_needed_pools(Settings.load({"tool_registry": {"tools": [SIMULATE, LICENSED]}}))

    assert list(settings.tool_registry.pools) == ["needs-simulate", "needs-licensed"]
    assert Settings.load(settings.model_dump()) == with_needed_pools(settings) == settings


def test_the_settings_go_before_the_tool_and_what_neither_says_is_as_in_the_default_pool() -> None:
    said = {"num_cpus": 1, "memory_mb": 500, "labels": {"zone": "b"}}

    pool = placed(SIMULATE, registry={"memory_mb": 100, "resources": {"slot": 1}}, tools={"simulate": said}).pools["needs-simulate"]

    assert (pool.num_cpus, pool.memory_mb, pool.resources, pool.labels) == (1.0, 500, {"slot": 1}, {"size": "large", "zone": "b"})


def test_what_settings_say_of_a_tool_that_says_nothing_makes_a_pool_too() -> None:
    registry = placed(ADD, tools={"add": {"resources": {"licence": 0.5}, "timeout_s": 3.0}})

    assert (registry.pool_of(ADD), registry.pools["needs-add"].resources) == ("needs-add", {"licence": 0.5})


@pytest.mark.parametrize(
    "sections",
    [
        {"registry": {"labels": {"role": "tools"}, "fallback_labels": [{"role": "spare"}, {}]}, "runtime": {"labels": {"role": "core"}}},
        {"runtime": {"labels": {"role": "tools"}, "fallback_labels": [{"role": "spare"}, {}]}},
    ],
)
def test_a_tools_labels_come_to_those_of_the_node_that_it_would_have_without_them(sections: dict[str, Any]) -> None:
    pool = placed(PROBE, **sections).pools["needs-probe"]

    assert pool.labels == {"role": "tools", "zone": "a"}
    assert pool.fallback_labels == ({"role": "spare", "zone": "a"}, {"zone": "a"})
    assert pool.calls_per_worker == 4


def test_a_tool_does_not_go_by_itself_where_the_settings_send_no_tool() -> None:
    elsewhere = {"labels": {"zone": "b"}}

    with pytest.raises(LLMConfigurationError, match=r"needs the label zone: a, but tools run where it is b: say in tools.probe.labels"):
        placed(PROBE, registry=elsewhere)

    pool = placed(PROBE, registry=elsewhere, tools={"probe": {"labels": {"zone": "c"}}}).pools["needs-probe"]
    assert pool.labels == {"zone": "c"}


def test_a_fallback_that_contradicts_a_tool_is_none_for_it() -> None:
    pool = placed(PROBE, registry={"labels": {"role": "tools"}, "fallback_labels": [{"zone": "b"}, {"role": "spare"}]}).pools["needs-probe"]

    assert pool.fallback_labels == ({"role": "spare", "zone": "a"},)


def test_a_pool_of_the_settings_that_gives_just_what_is_needed_is_taken() -> None:
    large = {"num_cpus": 4, "labels": {"size": "large"}, "workers": 1, "max_workers": 3}

    registry = placed(SIMULATE, FORECAST, LICENSED, registry={"pools": {"large": large}})

    assert {name: pool.tools for name, pool in registry.pools.items()} == {"large": (SIMULATE, FORECAST), "needs-licensed": (LICENSED,)}
    assert registry.pools["large"].most_workers == 3
    assert placed(SIMULATE, registry={"num_cpus": 4, "labels": {"size": "large"}}).pools == {}


def test_a_pool_that_lists_a_tool_holds_and_settings_that_say_otherwise_are_told(caplog: pytest.LogCaptureFixture) -> None:
    pools = {"mine": {"tools": [SIMULATE], "num_cpus": 1}}

    registry = placed(ADD, registry={"pools": pools}, tools={"simulate": {"num_cpus": 2}})

    assert registry.pools["mine"].num_cpus == 1.0
    assert [record.getMessage() for record in caplog.records] == [
        "what tools.simulate needs is not used: the pool mine lists the tool and says what it gives"
    ]


def test_no_pool_is_made_for_a_disabled_tool_nor_in_one_process() -> None:
    assert placed(SIMULATE, tools={"simulate": {"enabled": False}}).pools == {}
    assert placed(SIMULATE, runtime={"engine": "inline"}).pools == {}


def test_a_tool_that_cannot_be_loaded_here_is_told(caplog: pytest.LogCaptureFixture) -> None:
    assert placed("nowhere.tools:gone").pools == {}

    assert "what tool nowhere.tools:gone needs of its node is not known here" in caplog.text


def test_a_tool_that_says_what_cannot_be_is_refused() -> None:
    with pytest.raises(LLMConfigurationError) as refused:
        placed(WRONG)

    assert refused.value.message.splitlines() == [
        f"needs of tool '{WRONG}': 3 settings are wrong",
        "  num_cpus = -1: expected to be greater than or equal to 0",
        "  resources.GPU = 'GPU': expected a custom resource; let nodes with a GPU declare one of another name, or a label",
        "  labels.size = 3: expected to be a valid string",
    ]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"num_cpus": -1}, "tools.add.num_cpus = -1: expected to be greater than or equal to 0"),
        ({"memory_mb": 0}, "tools.add.memory_mb = 0: expected to be greater than or equal to 1"),
        ({"resources": {"licence": 0}}, "tools.add.resources.licence = 0: expected to be greater than 0"),
        ({"resources": {"CPU": 1}}, "tools.add.resources.CPU = 'CPU': expected a custom resource; CPUs are asked for by num_cpus"),
        ({"labels": {"role": 3}}, "tools.add.labels.role = 3: expected to be a valid string"),
        ({"num_cpu": 1}, "tools.add.num_cpu = 1: unknown name; did you mean 'num_cpus'?"),
    ],
)
def test_settings_that_say_what_cannot_be_are_refused_with_path_value_and_remedy(said: dict[str, Any], told: str) -> None:
    with pytest.raises(LLMConfigurationError) as refused:
        placed(ADD, tools={"add": said})

    assert told in refused.value.message


def test_a_pool_of_the_name_that_one_is_to_be_made_under_is_refused() -> None:
    with pytest.raises(LLMConfigurationError, match=r"the pool 'needs-simulate' would be made for tool .*: give it another name"):
        placed(SIMULATE, registry={"pools": {"needs-simulate": {"num_cpus": 1}}})


def test_a_tool_by_reference_needs_a_pool_that_is_there() -> None:
    settings = with_needed_pools(Settings.load({"tool_registry": {"tools": [SIMULATE]}}))

    for reference in (SIMULATE, ADD):
        require_pool(settings, reference, load_tool(reference))
    with pytest.raises(LLMConfigurationError, match=r"Licensed' needs resources .*: list the tool in tool_registry.tools"):
        require_pool(settings, LICENSED, load_tool(LICENSED))


def test_a_configured_tool_needs_what_both_say() -> None:
    said = {"num_cpus": 8, "resources": {"licence": 2}, "timeout_s": 4.0}
    tool = configured_tool(Settings.load({"tool_registry": {"tools": [SIMULATE]}, "tools": {"simulate": said}}), SIMULATE)

    assert tool.needs == {"num_cpus": 8.0, "labels": {"size": "large"}, "resources": {"licence": 2.0}}
    assert tool.get_schema().timeout_s == 4.0
