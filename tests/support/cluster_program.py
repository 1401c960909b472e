"""Other processes of the tests on a cluster: `python -m support.cluster_program TASK OPTIONS`, options and answers as lines of JSON."""

import asyncio
import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import polaris_llm.actors.ray_engine  # noqa: F401 - Ray sets variables of its own when it is imported
from polaris_llm.actors.runtime import LLMRuntime
from polaris_llm.core.exceptions import LLMConfigurationError
from polaris_llm.core.tool_registry import BaseTool, tool

from .cluster_gates import Gate
from .cluster_runtime import RESULT_S, pool_tool
from .runtime_model import answer, call, plan, tell_results

Options = dict[str, Any]  # JSON
FOREVER_S = 600.0


def tell(**facts: Any) -> None:  # JSON
    """One line for the test."""
    sys.stdout.write(f"{json.dumps(facts)}\n")
    sys.stdout.flush()


def submit(options: Options) -> None:
    """Submit sessions to a running runtime and leave at once."""
    with LLMRuntime.connect(**options["runtime"]) as runtime:
        steps = [plan(call("own_process"), answer(f"done {number}")) for number in range(options["sessions"])]
        tell(sessions=[session.session_id for session in runtime.submit_many(steps, tools=["own_process"])])


def read(options: Options) -> None:
    """Read the results of sessions that others submitted, and their last events."""
    with LLMRuntime.connect(**options["runtime"]) as runtime:
        sessions = [runtime.session(session_id) for session_id in options["sessions"]]
        tell(results=[session.result(RESULT_S).result for session in sessions])
        tell(events=[[event.kind for event in session.events(after=options["after"])] for session in sessions])


def serve(options: Options) -> None:
    """Submit a session whose live tool waits at a gate in this process, and stay."""
    with LLMRuntime.connect(**options["runtime"]) as runtime:
        session = runtime.submit(plan(call("work"), tell_results()), tools=[_work(options)])
        tell(session=session.session_id)
        time.sleep(FOREVER_S)


def attach(options: Options) -> None:
    """Take over the live tool of a session whose process is gone."""
    with LLMRuntime.connect(**options["runtime"]) as runtime:
        tell(result=runtime.attach(options["session"], [_work(options)]).result(RESULT_S).result)


def start(options: Options) -> None:
    """Start a runtime that is there already, and tell what came of it."""
    try:
        with LLMRuntime.start(options["settings"]) as runtime:
            tell(owner=runtime.owner)
    except LLMConfigurationError as error:
        tell(error=error.message)


def connect(options: Options) -> None:
    """Join a runtime, and tell whether that was possible."""
    try:
        with LLMRuntime.connect(**options["runtime"]):
            tell(joined=True)
    except LLMConfigurationError as error:
        tell(error=error.message)


def create(options: Options) -> None:
    """Start a runtime and run a session whose tool waits at a gate; tell whether Ray's environment is what it was when all is over."""
    before = _ray_environment()
    try:
        with LLMRuntime.start(options["settings"]) as runtime:
            _run_session(runtime, options)
    finally:
        tell(environment_is_restored=_ray_environment() == before)


def create_in_a_loop(options: Options) -> None:
    """As `create`, by the async twins."""
    before = _ray_environment()
    try:
        asyncio.run(_create(options))
    finally:
        tell(environment_is_restored=_ray_environment() == before)


async def _create(options: Options) -> None:
    async with await LLMRuntime.astart(options["settings"]) as runtime:
        await asyncio.to_thread(_run_session, runtime, options)


def create_and_forget(options: Options) -> None:
    """As `create`, but the runtime is started by a thread that ends at once, and closed by nobody."""
    with ThreadPoolExecutor() as threads:
        starting = threads.submit(LLMRuntime.start, options["settings"])
    _run_session(starting.result(), options)


def _run_session(runtime: LLMRuntime, options: Options) -> None:
    steps = plan(call("block_in_company", gate=options["gate"]), answer("done"))
    session = runtime.submit(steps, tools=[pool_tool("block_in_company")])
    tell(address=runtime.address, pids=[facts["pid"] for facts in runtime.health()["actors"].values()])
    if "failure" in options:
        raise RuntimeError(options["failure"])
    tell(result=session.result(FOREVER_S).result)


def _ray_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith("RAY_")}


def _work(options: Options) -> BaseTool:
    @tool(effect="idempotent")
    def work() -> str:
        """Do the work."""
        Gate(options["gate"]).block()
        signature: str = options["signature"]
        return signature

    return work


TASKS = {task.__name__: task for task in (submit, read, serve, attach, start, connect, create, create_in_a_loop, create_and_forget)}

if __name__ == "__main__":
    TASKS[sys.argv[1]](json.loads(sys.argv[2]))
