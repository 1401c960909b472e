"""The cluster of cluster.yaml on this machine, one raylet for each kind of node, and a runtime with the settings that belong to it.

Run by `test_nodes.py` as a process. It tells on which kind of node every actor lived and every tool call was made.
"""

import asyncio
import sys
from typing import Any

import psutil
from ray._private.node import Node
from ray.cluster_utils import Cluster

from polaris_llm.actors.runtime import LLMRuntime
from polaris_llm.actors.session_handle import SessionHandle
from polaris_llm.core.runs import RunLimits
from polaris_llm.core.settings import Settings
from support.cluster_gates import Gate
from support.cluster_program import tell
from support.cluster_runtime import RESULT_S, new_name, pool_tool
from support.launcher_files import cluster_settings, launcher
from support.runtime_access import names_of
from support.runtime_model import answer, call, plan
from support.runtime_model import calls as step_of

SMALL: dict[str, Any] = {"object_store_memory": 80 * 2**20}  # Ray's parameters of a node
LICENCE = "licence"
"""A resource that only the nodes for tools have."""
NEEDY = ["on_core", "under_licence", "at_the_crane"]
"""Tools that say themselves what they need; the settings let the first two run on both kinds of nodes, so that this decides."""
NEEDS = {tool: {"labels": {"role": "in(tools,core)"}} for tool in NEEDY[:2]}
SHORT_S = 13.0
"""Seconds of a run that waits for a node which does not come: longer than it takes until that is told."""
POOLS = {
    "licensed": {
        "tools": [pool_tool("wait_at_once_only")],
        "workers": 1,
        "labels": {"role": "nowhere"},
        "fallback_labels": [{"role": "in(tools,core)"}],
        "resources": {LICENCE: 1},
    },
    "anywhere": {"tools": [pool_tool("block_at")], "workers": 2, "labels": {"role": "in(tools,core)"}, "num_cpus": 2.5},  # of a node's 4
}


def main(gate: Gate) -> None:
    """Tell the kinds of nodes of all actors while the default pool is grown, and of the tool calls."""
    address, kinds = cluster()
    tell(nodes=sorted(kinds.values()))
    with LLMRuntime.start(settings(address)) as runtime:
        burst = [submit(runtime, gate, "wait_at") for _ in range(3)]
        asyncio.run(gate.arrived(times=3))
        actors = {name.partition("/")[2]: kind_of(facts["pid"], kinds) for name, facts in runtime.health()["actors"].items()}
        gate.open()
        others = [submit(runtime, gate, "wait_at_once_only"), submit(runtime, gate, "block_at", "block_at")]
        calls = [sorted(kind_of(pid, kinds) for pid in results_of(session)) for session in (*burst, *others)]
        needy = {tool: [kind_of(pid, kinds) for pid in results_of(runtime.submit(planned(tool), tools=[tool]))] for tool in NEEDY[:2]}
        tell(actors=actors, calls=calls, needy=needy, **unmet(runtime, NEEDY[2]))


def unmet(runtime: LLMRuntime, tool: str) -> dict[str, str]:
    """What a call is told whose needs no node meets, and what the runtime tells of it."""
    session = runtime.submit(planned(tool), tools=[tool], limits=RunLimits(deadline_s=SHORT_S))
    (completed,) = [event for event in session.events(timeout=RESULT_S) if event.kind == "tool_completed"]
    health = runtime.health()["actors"]
    return {"unmet": str(completed.content), "missing": health[names_of(runtime).pool_keeper]["missing"][f"needs-{tool}"]}


def planned(tool: str) -> str:
    """The objective of a session that calls a tool once."""
    return plan(call(tool), answer("done"))


def settings(address: str) -> Settings:
    """Those of cluster-settings.yaml, with a scripted model, pools of the test, and one worker where it says two."""
    content = cluster_settings()
    model = {"script": "support.cluster_model:play", "labels": content["llm"]["labels"]}
    tools = [pool_tool(tool) for tool in ("wait_at", *NEEDY)]
    registry = {"tools": tools, "pools": POOLS, "workers": 1, "calls_per_worker": 1, "grow_after_s": 0.0, "num_cpus": 0.25}
    runtime = {"address": address, "name": new_name(), "detached": False}
    changes = {"tool_registry": registry, "runtime": runtime}
    return Settings.load({**content, **{name: content[name] | change for name, change in changes.items()}, "llm": model, "tools": NEEDS})


def submit(runtime: LLMRuntime, gate: Gate, *tools: str) -> SessionHandle:
    """A session that calls these tools at once."""
    wanted = step_of(*((tool, {"gate": str(gate)}) for tool in tools))
    return runtime.submit(plan(wanted, answer("done")), tools=sorted(set(tools)))


def cluster() -> tuple[str, dict[int, str]]:
    """Its address, and the kinds of nodes by their raylets; one failure to start is forgiven, for reasons of Ray's own."""
    try:
        return _cluster()
    except Exception as error:
        sys.stderr.write(f"the cluster is started again: {error}\n")
        return _cluster()


def _cluster() -> tuple[str, dict[int, str]]:
    content = launcher()
    kinds = content["available_node_types"]
    head = content["head_node_type"]
    cluster = Cluster(
        initialize_head=True, head_node_args={**SMALL, "num_cpus": kinds[head]["resources"]["CPU"], "include_dashboard": False}
    )
    nodes = {head: cluster.head_node}
    for kind, node in kinds.items():
        if kind != head:
            resources = {LICENCE: 2} if kind == "tools" else {}
            labels = {**node["labels"], "room": kind}
            nodes[kind] = cluster.add_node(labels=labels, num_cpus=node["resources"]["CPU"], resources=resources, **SMALL)
    return cluster.address, {raylet_of(node): kind for kind, node in nodes.items()}


def raylet_of(node: Node | None) -> int:
    """The process of a node's raylet, the parent of all actors there."""
    assert node is not None
    [raylet] = node.all_processes["raylet"]
    pid: int = raylet.process.pid
    return pid


def kind_of(pid: int, kinds: dict[int, str]) -> str:
    """The kind of node that a process is on."""
    return next(kinds[parent.pid] for parent in psutil.Process(pid).parents() if parent.pid in kinds)


def results_of(session: SessionHandle) -> list[int]:
    """The processes that its tools ran in."""
    return [int(str(event.content)) for event in session.events(timeout=RESULT_S) if event.kind == "tool_completed"]


if __name__ == "__main__":
    main(Gate(sys.argv[1]))
