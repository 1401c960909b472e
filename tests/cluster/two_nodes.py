"""A cluster of two nodes on this machine, and a runtime whose tool workers belong on the second: run by `test_nodes.py` as a process."""

import json
import sys
from typing import Any

import psutil
from ray._private.node import Node
from ray.cluster_utils import Cluster

from polaris_llm.actors.runtime import LLMRuntime
from support.cluster_runtime import RESULT_S, new_name, settings_of
from support.runtime_model import answer, call, plan

ROLE = {"role": "tools"}
SMALL: dict[str, Any] = {"num_cpus": 2, "object_store_memory": 80 * 2**20}  # Ray's parameters of a node


def main() -> None:
    """Tell the raylets' processes, what a tool told of its own, and every actor's parent."""
    head, second, address = two_nodes()
    settings = settings_of(new_name(), tool_registry={"labels": ROLE}, runtime={"address": address, "num_cpus": None})
    with LLMRuntime.start(settings) as runtime:
        session = runtime.submit(plan(call("own_process"), answer("done")), tools=["own_process"])
        [told] = [event.content for event in session.events(timeout=RESULT_S) if event.kind == "tool_completed"]
        actors = runtime.health()["actors"]
        parents = {name.partition("/")[2]: psutil.Process(facts["pid"]).ppid() for name, facts in actors.items()}
        sys.stdout.write(f"{json.dumps({'head': head, 'second': second, 'tool': told, 'parents': parents})}\n")


def two_nodes() -> tuple[int, int, str]:
    """The raylets' processes, and the cluster's address; one failure to start is forgiven, for reasons of Ray's own."""
    try:
        return _two_nodes()
    except Exception as error:
        sys.stderr.write(f"the cluster is started again: {error}\n")
        return _two_nodes()


def _two_nodes() -> tuple[int, int, str]:
    cluster = Cluster(initialize_head=True, head_node_args={**SMALL, "include_dashboard": False})
    second = cluster.add_node(labels=ROLE, **SMALL)
    return raylet_of(cluster.head_node), raylet_of(second), cluster.address


def raylet_of(node: Node | None) -> int:
    """The process of a node's raylet, the parent of all actors there."""
    assert node is not None
    [raylet] = node.all_processes["raylet"]
    pid: int = raylet.process.pid
    return pid


if __name__ == "__main__":
    main()
