"""What happens when a runtime cannot be started: the reason is told, and nothing of it stays."""

import asyncio

import pytest
from psutil import Process
from ray import cluster_resources
from ray.util import list_named_actors

from polaris_llm.actors.engine import ActorSpec, Placement
from polaris_llm.actors.runtime import LLMRuntime
from polaris_llm.core.exceptions import ActorUnavailableError, LLMConfigurationError
from support.cluster_runtime import RESULT_S, new_name, pid_of, settings_of
from support.runtime_access import engine_of, loop_of
from support.runtime_model import answer, plan

pytestmark = pytest.mark.anyio


def actors_of(name: str) -> list[str]:
    """The names of a runtime's actors."""
    actors = (actor["name"] for actor in list_named_actors(all_namespaces=True))
    return [actor for actor in actors if actor.startswith(f"{name}/")]


async def test_a_ray_of_ones_own_is_bounded_asks_for_a_token_and_reports_to_nobody(runtime: LLMRuntime) -> None:
    settings = runtime.settings.runtime

    environment = Process(await pid_of(runtime, "supervisor")).environ()
    resources = cluster_resources()  # type: ignore[no-untyped-call]  # Ray's own

    assert (environment["RAY_USAGE_STATS_ENABLED"], environment["RAY_AUTH_MODE"]) == ("0", "token")
    assert resources["object_store_memory"] == pytest.approx(settings.object_store_bytes, rel=0.01)
    assert resources["CPU"] == settings.num_cpus


async def test_of_two_that_start_one_runtime_at_the_same_time_exactly_one_owns_it(runtime: LLMRuntime) -> None:
    settings = settings_of(new_name())

    started = await asyncio.gather(*(LLMRuntime.astart(settings) for _ in range(2)))
    owner, joiner = sorted(started, key=lambda each: not each.owner)

    try:
        assert (owner.owner, joiner.owner) == (True, False)
        assert (await (await joiner.asubmit(plan(answer("one for both")))).aresult(RESULT_S)).result == "one for both"
        await asyncio.to_thread(joiner.close)
        assert (await owner.ahealth())["actors"]
    finally:
        for each in (joiner, owner):
            await asyncio.to_thread(each.close)
    assert actors_of(settings.runtime.name) == []


async def test_tool_that_cannot_be_loaded_in_the_cluster_is_named_and_no_actor_stays(runtime: LLMRuntime) -> None:
    settings = settings_of(new_name(), tool_registry={"tools": ["support.cluster_tools:telescope"]})

    with pytest.raises(LLMConfigurationError, match=r"support\.cluster_tools:telescope"):
        await LLMRuntime.astart(settings)

    assert actors_of(settings.runtime.name) == []
    assert len(actors_of(runtime.settings.runtime.name)) == len((await runtime.ahealth())["actors"])


async def test_actor_for_which_there_is_no_node_is_named_with_what_it_needs_and_does_not_stay(runtime: LLMRuntime) -> None:
    placement = Placement(labels={"role": "nowhere"}, num_cpus=0.5)
    spec = ActorSpec(name=f"{new_name()}/tools/0", factory="never:built", placement=placement, start_s=1.0)

    with pytest.raises(ActorUnavailableError) as raised:
        await loop_of(runtime).arun(engine_of(runtime).create(spec))

    needs = "{'num_cpus': 0.5, 'label_selector': {'role': 'nowhere'}}"
    assert f"{spec.name} did not start on a node with {needs}: not within 1 s; add such a node" in str(raised.value)
    assert actors_of(spec.name.partition("/")[0]) == []
