"""Who may join: a detached runtime asks for the token of the user who started it."""

from pathlib import Path

import pytest

from support.cluster_gates import Gate
from support.cluster_processes import running, without_ray
from support.cluster_runtime import new_name, settings_of

pytestmark = pytest.mark.anyio


async def test_detached_runtime_is_joined_by_processes_that_have_its_users_token_and_by_no_others(
    python_path: None, tmp_path: Path, gate: Gate
) -> None:
    name = new_name()
    settings = settings_of(name, runtime={"detached": True}).model_dump(mode="json")
    user = without_ray(HOME=str(tmp_path))
    stranger = without_ray(HOME=str(tmp_path / "nobody"), RAY_NUM_REDIS_GET_RETRIES="2")  # Ray would try for 20 s

    async with running("create", user, settings=settings, gate=str(gate)) as creator:
        runtime = {"name": name, "address": (await creator.answer())["address"]}
        async with running("start", stranger, settings={"runtime": runtime}) as refused:
            async with running("submit", user, runtime=runtime, sessions=2) as submitting:
                sessions = (await submitting.answer())["sessions"]
                assert await submitting.ended() == 0
            async with running("read", user, runtime=runtime, sessions=sessions, after=4) as reading:
                assert await reading.answer() == {"results": ["done 0", "done 1"]}
                assert await reading.answer() == {"events": [["run_ended"], ["run_ended"]]}
            assert "RAY_AUTH_TOKEN" in (await refused.answer())["error"]
        gate.open()
        assert await creator.answer() == {"result": "done"}
        assert await creator.ended() == 0
