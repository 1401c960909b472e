"""A cluster as cluster.yaml describes it: actors and tool calls are where the settings' labels say, also in a pool that has grown."""

import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.cluster_gates import Gate
from support.cluster_processes import started, without_ray

pytestmark = pytest.mark.anyio


@pytest.fixture
def temporary() -> Iterator[str]:
    """Where Ray keeps what belongs to this cluster, and the address by which others would find it."""
    with tempfile.TemporaryDirectory(prefix="t", ignore_cleanup_errors=True) as folder:
        Path(folder, "ray").mkdir()
        yield folder


@pytest.mark.timeout(240)  # three nodes and a runtime are started for it
async def test_actors_and_tool_calls_are_on_the_nodes_that_the_settings_say(python_path: None, temporary: str, gate: Gate) -> None:
    environment = without_ray(RAY_TMPDIR=temporary, RAY_AUTH_MODE="disabled")

    async with started(str(Path(__file__).with_name("nodes_program.py")), str(gate), environment=environment) as program:
        assert await program.answer() == {"nodes": ["core", "head", "tools"]}
        told = await program.answer()
        assert await program.ended() == 0

    actors = told["actors"]
    assert {name for name in actors if name.startswith("tools/")} >= {"tools/0", "tools/1", "tools/2", "tools/licensed/0"}
    kinds = Counter((name.split("/")[0], kind) for name, kind in actors.items() if "anywhere" not in name)
    assert set(kinds) == {
        ("tools", "tools"),
        *((role, "core") for role in ("supervisor", "journal", "cache", "callers", "providers", "conversations", "scenarios", "pools")),
    }
    assert {actors["tools/anywhere/0"], actors["tools/anywhere/1"]} == {"core", "tools"}
    *burst, licensed, anywhere = told["calls"]
    assert [*burst, licensed, anywhere] == [["tools"], ["tools"], ["tools"], ["tools"], ["core", "tools"]]
    assert told["needy"] == {"on_core": ["core"], "under_licence": ["tools"]}
    needs = "each on a node with labels {'role': 'tools'}, num_cpus 0.5, resources {'crane': 1.0}: add such a node"
    assert "no tool worker was free for 'support.cluster_tools:at_the_crane'" in told["unmet"]
    assert (needs in told["unmet"], needs in told["missing"]) == (True, True)
