"""A cluster of two nodes: tool workers live where the settings' labels say."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.cluster_processes import started, without_ray

pytestmark = pytest.mark.anyio


@pytest.fixture
def temporary() -> Iterator[str]:
    """Where Ray keeps what belongs to this cluster, and the address by which others would find it."""
    with tempfile.TemporaryDirectory(prefix="t", ignore_cleanup_errors=True) as folder:
        Path(folder, "ray").mkdir()
        yield folder


async def test_tool_workers_are_placed_on_the_node_that_has_the_labels_of_the_settings(python_path: None, temporary: str) -> None:
    environment = without_ray(RAY_TMPDIR=temporary, RAY_AUTH_MODE="disabled")

    async with started(str(Path(__file__).with_name("two_nodes.py")), environment=environment) as program:
        told = await program.answer()
        assert await program.ended() == 0

    assert told["tool"]["parent"] == told["parents"]["tools/0"] == told["second"]
    assert set(told["parents"].values()) <= {told["head"], told["second"]}
