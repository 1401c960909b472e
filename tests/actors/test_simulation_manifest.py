"""Simulations that are resumed: finished runs stand in a manifest and are not repeated, all else is."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from polaris_llm.actors.runtime import LLMRuntime
from polaris_llm.core.exceptions import LLMConfigurationError
from polaris_llm.core.scenarios.families import high_load
from support.hooked_scenarios import ADAPTING, hooked, steps_asked
from support.runtime_access import killing, names_of, new_id, started
from support.runtime_model import HOOKS


@pytest.fixture(scope="module")
def runtime() -> Iterator[LLMRuntime]:
    with started(llm=ADAPTING, conversation_management={"hosts": 2}) as runtime:
        yield runtime


def test_finished_runs_of_a_manifest_are_not_repeated(runtime: LLMRuntime, tmp_path: Path) -> None:
    name, manifest, told = new_id(), tmp_path / "runs.jsonl", list[tuple[int, int]]()
    first = runtime.simulate([hooked(name)], manifest=manifest)
    asked = len(steps_asked(name))

    again = runtime.simulate(
        [hooked(name), high_load(1, 2)], manifest=manifest, on_progress=lambda decided, total: told.append((decided, total))
    )

    assert len(steps_asked(name)) == asked > 0
    assert again.results[0] == first.results[0]
    assert [row.scenario for row in again.rows()] == [name, "high_load-1"]
    assert told[-1] == (5, 5)


@pytest.mark.anyio
async def test_a_simulation_that_is_cancelled_stops_deciding_and_goes_on_from_its_manifest(runtime: LLMRuntime, tmp_path: Path) -> None:
    quick, slow, manifest = hooked(new_id(), periods=1), hooked(new_id(), periods=200), tmp_path / "runs.jsonl"
    ended, loop = asyncio.Event(), asyncio.get_running_loop()

    def tell(_: object) -> None:
        loop.call_soon_threadsafe(ended.set)

    simulating = asyncio.create_task(runtime.asimulate([quick, slow], manifest=manifest, on_result=tell))
    async with asyncio.timeout(60):
        await ended.wait()
    simulating.cancel()
    with pytest.raises(asyncio.CancelledError):
        await simulating
    asked = len(steps_asked(slow.name))

    again = await runtime.asimulate([quick, high_load(5, 20)], manifest=manifest)

    assert [row.scenario for row in again.rows()] == [quick.name, "high_load-5"]
    assert len(steps_asked(quick.name)) == again.rows()[0].steps
    assert len(steps_asked(slow.name)) <= asked + 10  # the decision that was on its way


def test_another_agent_is_another_run(runtime: LLMRuntime, tmp_path: Path) -> None:
    name, manifest = new_id(), tmp_path / "runs.jsonl"
    runtime.simulate([hooked(name)], manifest=manifest)
    asked = len(steps_asked(name))

    runtime.simulate([hooked(name)], manifest=manifest, temperature=0.05)

    assert len(steps_asked(name)) == 2 * asked


def test_another_model_behind_the_same_name_is_another_run(tmp_path: Path) -> None:
    name, manifest = new_id(), tmp_path / "runs.jsonl"
    for script in (ADAPTING, ADAPTING, {"script": "support.runtime_model:play"}):
        with started(llm=script) as runtime:
            results = runtime.simulate([hooked(name)], manifest=manifest)

    assert len(manifest.read_text(encoding="utf-8").splitlines()) == 1 + 2
    assert results.rows()[0].failed_runs > 0  # what `play` answers is no decision


def test_what_failed_is_run_again(tmp_path: Path) -> None:
    name, ended, manifest = new_id(), list[object](), tmp_path / "runs.jsonl"
    scenarios = [hooked(name, periods=25), high_load(2, 1)]
    with started(llm=ADAPTING) as runtime:
        kill_it = killing(runtime, names_of(runtime).scenarios)
        HOOKS[name] = lambda: kill_it() if ended else None
        broken = runtime.simulate(scenarios, manifest=manifest, on_result=ended.append)
    del HOOKS[name]

    with started(llm=ADAPTING) as runtime:
        whole = runtime.simulate(scenarios, manifest=manifest)

    assert [result.kind for result in broken.results] == ["failed", "finished"]
    assert [result.kind for result in whole.results] == ["finished", "finished"]
    assert whole.results[1] == broken.results[1]


def test_manifest_that_is_another_file_is_refused(runtime: LLMRuntime, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")

    with pytest.raises(LLMConfigurationError, match="is no manifest of a simulation"):
        runtime.simulate([high_load(1, 2)], manifest=tmp_path / "notes.txt")
