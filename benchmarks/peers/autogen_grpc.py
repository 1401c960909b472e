"""AutoGen's distributed runtime with the hops that ours has: a host, and workers for provider, calculator and cache, each a process.

The conversations' worker is this process. The cache is asked in every turn, and what it misses is put into it without waiting. One
worker alone asks the others: request ids are counted per worker, and two askers of one target get each other's answers (0.7.5).
"""

import asyncio
import json
import logging
import multiprocessing
import os
import socket
import time
from contextlib import suppress
from multiprocessing.synchronize import Event

os.environ["AUTOGEN_DISABLE_RUNTIME_TRACING"] = "true"

from autogen_core import AgentId, MessageContext, RoutedAgent, message_handler, try_get_known_serializers_for_type
from autogen_ext.runtimes.grpc import GrpcWorkerAgentRuntime, GrpcWorkerAgentRuntimeHost
from pydantic import BaseModel

from ..workload import ANSWER, CALLS, arguments, objective
from .turns import latency_s, take_turns

START_S = 120
PROVIDER, CALCULATOR, CACHE = (AgentId(kind, "default") for kind in ("provider", "calculator", "cache"))


class ToolCall(BaseModel):
    call_id: str
    name: str
    arguments: str


class ChatMessage(BaseModel):
    role: str
    content: str = ""
    tool_calls: list[ToolCall] = []
    tool_call_id: str | None = None


class Start(BaseModel):
    number: int


class Text(BaseModel):
    text: str


class Ask(BaseModel):
    messages: list[ChatMessage]


class Get(BaseModel):
    key: str


class Found(BaseModel):
    value: ChatMessage | None


class Put(BaseModel):
    key: str
    value: ChatMessage


class Done(BaseModel):
    pass


class Provider(RoutedAgent):
    @message_handler
    async def answer(self, message: Ask, ctx: MessageContext) -> ChatMessage:
        await asyncio.sleep(float(os.environ["LATENCY_S"]))
        done = sum(each.role == "tool" for each in message.messages)
        if done == CALLS:
            return ChatMessage(role="assistant", content=ANSWER)
        call = ToolCall(call_id=f"call_{done}", name="calculator", arguments=json.dumps(arguments(done)))
        return ChatMessage(role="assistant", tool_calls=[call])


class Calculator(RoutedAgent):
    @message_handler
    async def calculate(self, message: ToolCall, ctx: MessageContext) -> Text:
        given = json.loads(message.arguments)
        return Text(text=json.dumps({"result": given["a"] + given["b"]}))


class Cache(RoutedAgent):
    def __init__(self, description: str) -> None:
        super().__init__(description)
        self._values: dict[str, ChatMessage] = {}

    @message_handler
    async def get(self, message: Get, ctx: MessageContext) -> Found:
        return Found(value=self._values.get(message.key))

    @message_handler
    async def put(self, message: Put, ctx: MessageContext) -> Done:
        self._values[message.key] = message.value
        return Done()


class Conversation(RoutedAgent):
    def __init__(self, description: str) -> None:
        super().__init__(description)
        self._puts: set[asyncio.Task[object]] = set()

    @message_handler
    async def run(self, message: Start, ctx: MessageContext) -> Text:
        messages = [ChatMessage(role="user", content=objective(message.number))]
        while True:
            answer = await self._answer(messages)
            messages.append(answer)
            if not answer.tool_calls:
                return Text(text=answer.content)
            for call in answer.tool_calls:
                result = await self.send_message(call, CALCULATOR)
                messages.append(ChatMessage(role="tool", content=result.text, tool_call_id=call.call_id))

    async def _answer(self, messages: list[ChatMessage]) -> ChatMessage:
        key = f"{self.id.key} {len(messages)}"
        found: Found = await self.send_message(Get(key=key), CACHE)
        if found.value is not None:
            return found.value
        answer: ChatMessage = await self.send_message(Ask(messages=messages), PROVIDER)
        put: asyncio.Task[object] = asyncio.create_task(self.send_message(Put(key=key, value=answer), CACHE))
        self._puts.add(put)
        put.add_done_callback(self._puts.discard)
        return answer


AGENTS = {"provider": Provider, "calculator": Calculator, "cache": Cache, "conversation": Conversation}
MESSAGES = (ToolCall, ChatMessage, Start, Text, Ask, Get, Found, Put, Done)


async def _worker(kind: str, address: str) -> GrpcWorkerAgentRuntime:
    """A worker of one kind of agent that the host knows."""
    runtime = GrpcWorkerAgentRuntime(address)
    await runtime.start()
    for message in MESSAGES:
        runtime.add_message_serializer(try_get_known_serializers_for_type(message))
    await AGENTS[kind].register(runtime, kind, lambda: AGENTS[kind](kind))
    return runtime


def _run_worker(kind: str, address: str, ready: Event) -> None:
    async def work() -> None:
        await _worker(kind, address)
        ready.set()
        await asyncio.Event().wait()

    logging.disable(logging.CRITICAL)
    asyncio.run(work())


def _run_host(address: str, ready: Event) -> None:
    async def work() -> None:
        host = GrpcWorkerAgentRuntimeHost(address)
        host.start()
        await asyncio.to_thread(_until_it_listens, address)
        ready.set()
        await asyncio.Event().wait()

    logging.disable(logging.CRITICAL)
    asyncio.run(work())


def _until_it_listens(address: str) -> None:
    host, _, port = address.partition(":")
    ends = time.monotonic() + START_S
    while time.monotonic() < ends:
        with suppress(OSError), socket.create_connection((host, int(port)), timeout=1):
            return
        time.sleep(0.05)
    raise TimeoutError(f"AutoGen's host does not listen at {address}")


def _start(target: object, *given: str) -> None:
    """A process that ends with this one; returns when it is ready."""
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    context.Process(target=target, args=(*given, ready), daemon=True).start()
    if not ready.wait(START_S):
        raise TimeoutError(f"AutoGen's process {given} is not ready after {START_S} s")


def _free_address() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"


async def _main(address: str) -> None:
    runtime = await _worker("conversation", address)

    async def session(number: int) -> str:
        done: Text = await runtime.send_message(Start(number=number), AgentId("conversation", f"session{number}"))
        return done.text

    await take_turns(session)
    await runtime.stop()


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    os.environ["LATENCY_S"] = str(latency_s())
    address = _free_address()
    _start(_run_host, address)
    for kind in ("provider", "calculator", "cache"):
        _start(_run_worker, kind, address)
    asyncio.run(_main(address))
