"""Tools that need something of a node: each is run in the pool that was made for it, and it is told where no node has it."""

import asyncio
from typing import Any

import pytest

from polaris_llm.actors.connection import greeting
from polaris_llm.actors.engine import ActorSpec, Placement
from polaris_llm.actors.inline_engine import InlineEngine
from polaris_llm.actors.keeping import stop_actors
from polaris_llm.actors.links import Links
from polaris_llm.actors.mailbox import HEALTH
from polaris_llm.actors.pools import Staff, ToolPools
from polaris_llm.actors.runtime import LLMRuntime
from polaris_llm.core.call_context import CallContext
from polaris_llm.core.needed_pools import with_needed_pools
from polaris_llm.core.pool_settings import ToolPoolSettings
from polaris_llm.core.settings import Settings
from support.instant_loop import run_instantly
from support.runtime_access import settings_of, started
from support.runtime_model import call, plan, tell_results
from support.runtime_tools import DEADLINE_S

CALL = CallContext(remaining_s=DEADLINE_S)
LICENSED = "support.needy_tools:Licensed"


def test_a_tool_runs_in_the_pool_that_was_made_for_what_it_needs_and_is_known_by_name_without_a_worker_there() -> None:
    tools = ["support.runtime_tools:add", "support.needy_tools:simulate", "support.needy_tools:Licensed"]
    on_a_cluster = with_needed_pools(Settings.load({"tool_registry": {"tools": tools, "grow_after_s": 0.0}}))
    in_one_process = settings_of().model_copy(update={"tool_registry": on_a_cluster.tool_registry})

    with LLMRuntime.start(in_one_process) as runtime:
        steps = plan(call("add", a=1, b=2), call("simulate", a=7), call("licensed"), tell_results())
        outcome = runtime.submit(steps, tools=["add", "simulate", "support.needy_tools:Licensed"]).result(DEADLINE_S)
        served = {name: facts["served"] for name, facts in runtime.health()["actors"].items() if "/tools/needs-" in name}

    assert outcome.result == '[3, 7, "licensed"]'
    assert set(served) == {"polaris/tools/needs-simulate/0", "polaris/tools/needs-licensed/0"}
    assert min(served.values()) > 1


def test_in_one_process_all_tools_run_in_the_default_pool_whatever_they_need() -> None:
    needs = {"simulate": {"num_cpus": 1000}}
    with started(tool_registry={"tools": ["support.needy_tools:simulate"]}, tools=needs) as runtime:
        session = runtime.submit(plan(call("simulate", a=7), call("licensed"), tell_results()), tools=["simulate", LICENSED])

        assert session.result(DEADLINE_S).result == '[7, "licensed"]'
        assert not any("needs-" in name for name in runtime.health()["actors"])


class Stuck:
    """A worker that no node takes."""

    def __init__(self, links: Links) -> None:
        self._never = asyncio.Event()

    async def start(self) -> None:
        """Never return."""
        await self._never.wait()


def keeper_of_stuck(links: Links) -> ToolPools:
    needs = Placement(num_cpus=64, labels={"size": "huge"})
    spec = ActorSpec(name="spare/0", factory=f"{__name__}:Stuck", placement=needs)
    return ToolPools(links, {"huge": ToolPoolSettings(workers=0, max_workers=1)}, {"huge": (spec,)})


def test_workers_that_no_node_can_take_are_told_in_the_log_in_the_health_and_to_the_hosts(caplog: pytest.LogCaptureFixture) -> None:
    async def watched() -> tuple[list[Staff], dict[str, Any]]:  # the health is JSON
        engine = InlineEngine(greeting(), pickles=True, timeout_s=DEADLINE_S)
        links = Links(engine, "host", greeting(), timeout_s=DEADLINE_S)
        await engine.create(ActorSpec(name="pools", factory=f"{__name__}:keeper_of_stuck"))
        keeper, told = links.to("pools"), []
        for _ in range(14):  # a second each: a report holds for three
            told.append((await keeper.ask("workers", CALL, "host", {"huge": 1}))["huge"])
            await asyncio.sleep(1)
        health = await keeper.ask(HEALTH, CALL)
        await stop_actors(engine, ["pools", "spare/0"])
        await links.close()
        return told, health

    staff, health = run_instantly(watched())

    why = "each on a node with labels {'size': 'huge'}, num_cpus 64: add such a node or wait until one is free, or change what"
    assert [pool.hired for pool in staff] == [()] * len(staff)
    assert (staff[9].missing, why in staff[-1].missing) == ("", True)
    assert health["missing"]["huge"].startswith("1 worker is wanted and could not be started for 1")
    assert [record.getMessage() for record in caplog.records if why in record.getMessage()] == [
        f"tool pool huge: 1 worker is wanted and could not be started for 10 s, {why} the pool's tools need"
    ]
