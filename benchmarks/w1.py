"""W1: sessions of five model calls with four sequential calculator calls each, against a scripted model without latency.

    python -m benchmarks.w1 [--engine ray|inline] [--sessions 500] [--concurrency 64] [--prompt-kb 0] [--hosts 1] [--profile]

Prints one JSON line a case: turns (model calls) per second and CPU milliseconds per turn over all processes, medians of the
repetitions. The cache is on, as by default, and is asked in every turn; no two sessions ask the same, so it never hits.
"""

import argparse
import asyncio
import json
import statistics
import time
from collections.abc import Sequence

from polaris_llm.actors.runtime import LLMRuntime
from polaris_llm.core.inference import FinishReason, ModelRequest, ModelResponse
from polaris_llm.core.parts import TextPart, ToolCallPart
from polaris_llm.core.usage import Usage

from .process_tree import cpu_by_process, cpu_since, names

CALLS = 4
TURNS = CALLS + 1
ANSWER = "The total is 10."


def reply(request: ModelRequest) -> ModelResponse:
    """The script: add 1, 2, 3 and 4, one call a turn, then say the total."""
    done = sum(message.role == "tool" for message in request.messages)
    usage = Usage(input_tokens=100, output_tokens=20)
    if done == CALLS:
        return ModelResponse(model="scripted", parts=(TextPart(text=ANSWER),), usage=usage)
    arguments = {"operation": "add", "a": done * (done + 1) // 2, "b": done + 1}
    call = ToolCallPart(call_id=f"call_{done}", name="calculator", arguments=arguments)
    return ModelResponse(model="scripted", parts=(call,), usage=usage, finish_reason=FinishReason.TOOL_CALLS)


def objective(number: int, kilobytes: float) -> str:
    """A prompt of its own for every session."""
    filler = "Known facts of the system follow. " * int(kilobytes * 1000 / 34)
    return f"Session {number}: add the numbers 1, 2, 3 and 4 with the calculator, one after another, then report the total.\n{filler}"


async def _repetition(runtime: LLMRuntime, first: int, options: argparse.Namespace) -> dict[str, float]:
    room = asyncio.Semaphore(options.concurrency)
    latencies: list[float] = []

    async def one(number: int) -> None:
        async with room:
            began = time.perf_counter()
            session = await runtime.asubmit(objective(number, options.prompt_kb), tools=["calculator"])
            outcome = await session.aresult(120)
            latencies.append(time.perf_counter() - began)
            assert outcome.result == ANSWER, outcome

    cpu, began = cpu_by_process(), time.perf_counter()
    await asyncio.gather(*(one(first + number) for number in range(options.sessions)))
    wall, used = time.perf_counter() - began, cpu_since(cpu)
    turns = options.sessions * TURNS
    if options.profile:
        busiest = sorted(used.items(), key=lambda item: -item[1])[:12]
        called = names([pid for pid, _ in busiest])
        print(json.dumps({"cpu_ms_per_turn": {f"{called[pid]} ({pid})": round(s * 1e3 / turns, 3) for pid, s in busiest}}))
    return {
        "turns_per_s": turns / wall,
        "cpu_ms_per_turn": sum(used.values()) * 1e3 / turns,
        "session_p50_ms": statistics.median(latencies) * 1e3,
    }


async def _measure(runtime: LLMRuntime, options: argparse.Namespace) -> dict[str, float]:
    warm_up = argparse.Namespace(**{**vars(options), "sessions": min(64, options.sessions), "profile": False})
    await _repetition(runtime, 0, warm_up)
    repetitions = [await _repetition(runtime, (number + 1) * 1_000_000, options) for number in range(options.repetitions)]
    return {name: round(statistics.median(repetition[name] for repetition in repetitions), 3) for name in repetitions[0]}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure one case and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", choices=["ray", "inline"], default="ray")
    parser.add_argument("--sessions", type=int, default=500)
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--prompt-kb", type=float, default=0)
    parser.add_argument("--hosts", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--profile", action="store_true", help="also print CPU per turn by process")
    options = parser.parse_args(arguments)
    settings = {
        "llm": {"kind": "mock", "script": "benchmarks.w1:reply", "max_in_flight": 10_000},
        "conversation_management": {"hosts": options.hosts},
        "tool_registry": {"workers": options.workers},
        "runtime": {"engine": options.engine},
    }
    with LLMRuntime.start(settings) as runtime:
        figures = asyncio.run(_measure(runtime, options))
    case = {name: getattr(options, name) for name in ("engine", "sessions", "concurrency", "prompt_kb", "hosts", "workers", "repetitions")}
    print(json.dumps({"benchmark": "w1", **case, **figures}), flush=True)


if __name__ == "__main__":
    main()
