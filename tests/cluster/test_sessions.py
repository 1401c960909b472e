"""Sessions end to end over real actors: what goes in comes out, whole, and errors keep their types."""

import asyncio
import os

import psutil
import pytest

from polaris_llm.actors.runtime import LLMRuntime
from polaris_llm.core.exceptions import DeadlineExceededError, LLMAPIError, LLMConfigurationError, RemoteCause, SessionError
from polaris_llm.core.inference import ModelRequest
from polaris_llm.core.parts import text_message
from polaris_llm.core.stream_folding import fold
from support.cluster_gates import Gate
from support.cluster_model import BROKEN, REFUSAL
from support.cluster_runtime import RESULT_S, events_of, new_name, pid_of, pool_tool, tool_contents
from support.runtime_model import answer, call, plan, tell_results

pytestmark = pytest.mark.anyio


async def test_session_runs_a_pool_tool_in_a_worker_process_of_the_cluster(runtime: LLMRuntime) -> None:
    session = await runtime.asubmit(plan(call("own_process"), answer("done")), tools=["own_process"])

    outcome = await session.aresult(RESULT_S)

    assert (outcome.status, outcome.result, outcome.steps, outcome.tool_calls) == ("completed", "done", 2, 1)
    [place] = await tool_contents(runtime, session.session_id)
    assert place["pid"] == await pid_of(runtime, "tools/0")
    assert place["pid"] not in (os.getpid(), await pid_of(runtime, "conversations/0"))


async def test_events_are_read_again_from_any_sequence_number(runtime: LLMRuntime) -> None:
    session = await runtime.asubmit(plan(call("own_process"), answer("done")), tools=["own_process"])

    events = await events_of(runtime, session.session_id)

    assert [event.kind for event in events] == ["run_started", "model_responded", "tool_completed", "model_responded", "run_ended"]
    assert await events_of(runtime, session.session_id, after=3) == events[3:]


async def test_a_client_streams_from_the_providers_process_what_it_would_answer_whole(runtime: LLMRuntime) -> None:
    request = ModelRequest(model="m", messages=(text_message("user", "stream this"),))

    streamed = fold([event async for event in runtime.client().stream_events(request)])

    assert streamed.text == "11 characters"
    assert (await runtime.client().respond(request)).text == streamed.text


async def test_sync_calls_work_inside_a_running_event_loop_as_in_a_notebook(runtime: LLMRuntime) -> None:
    session = runtime.submit(plan(call("own_process"), answer("done")), tools=["own_process"])

    outcome = session.result(RESULT_S)

    assert outcome.ok
    assert [event.kind for event in session.events(after=3)] == ["model_responded", "run_ended"]
    assert asyncio.get_running_loop().is_running()


async def test_live_tool_sees_the_objects_and_the_loop_of_the_process_that_submitted_it(runtime: LLMRuntime) -> None:
    heard: list[str] = []

    async def listen(word: str) -> int:
        """Hear a word."""
        heard.append(word)
        return id(asyncio.get_running_loop())

    session = await runtime.asubmit(plan(call("listen", word="hello"), tell_results()), tools=[listen])
    outcome = await session.aresult(RESULT_S)

    assert heard == ["hello"]
    assert outcome.result == f"[{id(asyncio.get_running_loop())}]"


async def test_error_of_the_provider_is_raised_to_a_client_as_it_was(runtime: LLMRuntime) -> None:
    request = ModelRequest(model="mock-model", messages=(text_message("user", BROKEN),))

    with pytest.raises(LLMAPIError) as raised:
        await runtime.client().respond(request)

    error = raised.value
    assert type(error) is LLMAPIError
    assert (error.message, error.status_code, error.retryable) == ("no such model", 404, False)
    assert error.context == {**REFUSAL, "provider": "mock", "status_code": 404, "attempts": 1}
    assert isinstance(error.cause, RemoteCause)
    assert (error.cause.type_name, error.cause.message) == ("ValueError", "too hot")


async def test_error_of_the_provider_is_recorded_in_the_sessions_outcome(runtime: LLMRuntime) -> None:
    outcome = await (await runtime.asubmit(BROKEN)).aresult(RESULT_S)

    assert outcome.status == "failed"
    assert outcome.error is not None
    assert (outcome.error.type, outcome.error.code, outcome.error.message) == ("LLMAPIError", "LLM_API_ERROR", "no such model")
    assert outcome.error.context["plan"] == REFUSAL["plan"]


async def test_errors_of_other_actors_arrive_with_their_types(runtime: LLMRuntime) -> None:
    taken = await runtime.asubmit(plan(answer("first")), session_id=new_name())

    with pytest.raises(SessionError, match="exists already"):
        await runtime.asubmit(plan(answer("second")), session_id=taken.session_id)
    with pytest.raises(LLMConfigurationError, match="unknown tool 'telescope'"):
        await runtime.asubmit(plan(answer("never")), tools=["telescope"])


async def test_result_that_does_not_come_in_time_is_an_error_and_the_session_goes_on(runtime: LLMRuntime, gate: Gate) -> None:
    session = await runtime.asubmit(plan(call("wait_at", gate=str(gate)), answer("done")), tools=[pool_tool("wait_at")])

    with pytest.raises(DeadlineExceededError):
        await session.aresult(timeout=0.2)
    gate.open()

    assert (await session.aresult(RESULT_S)).result == "done"


async def test_five_megabytes_from_a_tool_arrive_whole(runtime: LLMRuntime) -> None:
    session = await runtime.asubmit(plan(call("long_text", characters=5_000_000), answer("done")), tools=[pool_tool("long_text")])

    [content] = await tool_contents(runtime, session.session_id)

    assert content == "x" * 5_000_000


async def test_five_megabytes_to_a_model_arrive_whole(runtime: LLMRuntime) -> None:
    request = ModelRequest(model="mock-model", messages=(text_message("user", "y" * 5_000_000),))

    response = await runtime.client().respond(request)

    assert response.text == "5000000 characters"


async def test_plain_tool_runs_in_a_child_process_that_is_used_again(runtime: LLMRuntime, gate: Gate) -> None:
    gate.open()
    steps = plan(call("block_at", gate=str(gate)), call("block_at", gate=str(gate)), answer("done"))
    session = await runtime.asubmit(steps, tools=[pool_tool("block_at")])

    first, second = await tool_contents(runtime, session.session_id)

    assert first == second
    assert psutil.Process(first).ppid() == await pid_of(runtime, "tools/0")
