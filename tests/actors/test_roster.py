"""Which actors a runtime has, and what each needs of its node."""

from typing import Any

import pytest

from polaris_llm.actors.engine import ActorSpec, Placement
from polaris_llm.actors.roster import actor_specs, spare_workers, supervisor_spec
from polaris_llm.core.settings import Settings
from support.runtime_access import started
from support.runtime_model import call, plan, tell_results
from support.runtime_tools import DEADLINE_S


def specs_of(**sections: Any) -> dict[str, ActorSpec]:  # the settings' sections
    """All actors that there may be, by name without the runtime's."""
    settings = Settings.load(sections)
    spare = [spec for specs in spare_workers(settings).values() for spec in specs]
    return {spec.name.partition("/")[2]: spec for spec in (supervisor_spec(settings), *actor_specs(settings), *spare)}


def test_without_labels_any_node_will_do() -> None:
    specs = specs_of()

    assert {name for name, spec in specs.items() if spec.placement.labels or spec.placement.num_cpus} == set()
    assert "pools" not in specs


def test_an_actor_is_placed_by_the_labels_of_its_own_section_and_else_by_those_of_the_runtime() -> None:
    specs = specs_of(
        runtime={"labels": {"role": "core"}, "fallback_labels": [{}]},
        llm={"labels": {"role": "keys"}},
        providers={"other": {}},
        tool_registry={"labels": {"role": "tools"}, "fallback_labels": [{"role": "spare"}]},
        conversation_management={"labels": {"role": "hosts"}},
        caching={"labels": {"role": "memory"}},
    )

    roles = {name: spec.placement.labels["role"] for name, spec in specs.items()}
    assert roles == {
        **dict.fromkeys(("supervisor", "journal", "callers", "scenarios", "providers/other"), "core"),
        **dict.fromkeys(("tools/0", "tools/1"), "tools"),
        "providers/default": "keys",
        "conversations/0": "hosts",
        "cache": "memory",
    }
    assert specs["journal"].placement.fallback_labels == ({},)
    assert specs["providers/default"].placement.fallback_labels == ()
    assert specs["tools/0"].placement.fallback_labels == ({"role": "spare"},)


def test_each_pool_has_its_workers_and_says_what_they_need() -> None:
    large = {"tools": ["a:b"], "workers": 1, "max_workers": 2, "num_cpus": 2, "memory_mb": 5, "resources": {"licence": 1}}

    specs = specs_of(tool_registry={"workers": 1, "pools": {"large": large}})

    assert [name for name in specs if name.startswith("tools/")] == ["tools/0", "tools/large/0", "tools/large/1"]
    assert specs["tools/0"].placement == Placement(is_spread=True)
    needs = Placement(num_cpus=2, memory_bytes=5_000_000, resources={"licence": 1}, is_spread=True)
    assert specs["tools/large/0"].placement == specs["tools/large/1"].placement == needs
    assert "pools" in specs


def test_a_pool_without_labels_goes_where_the_default_pool_goes_so_that_no_tool_comes_near_the_keys() -> None:
    pools = {"plain": {"tools": ["a:b"]}, "own": {"tools": ["c:d"], "labels": {"role": "large"}}}

    specs = specs_of(runtime={"labels": {"role": "core"}}, tool_registry={"labels": {"role": "tools"}, "pools": pools})

    assert specs["tools/plain/0"].placement.labels == {"role": "tools"}
    assert specs["tools/own/0"].placement.labels == {"role": "large"}


@pytest.mark.parametrize("name", ["supervisor", "journal"])
def test_an_actor_has_the_time_to_start_that_the_settings_give(name: str) -> None:
    times = {"supervisor": 2 * 7.0, "journal": 7.0}  # the supervisor starts all others meanwhile

    assert specs_of(runtime={"start_timeout_s": 7.0})[name].start_s == times[name]


def test_the_inline_engine_has_one_node_which_fits_everybody() -> None:
    with started(tool_registry={"labels": {"role": "nowhere"}, "num_cpus": 1000}) as runtime:
        outcome = runtime.submit(plan(call("add", a=1, b=2), tell_results()), tools=["add"]).result(DEADLINE_S)

    assert outcome.result == "[3]"
