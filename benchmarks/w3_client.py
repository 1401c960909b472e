"""One client of W3 in a process of its own: how many calls, or events of streams, it gets from the server in a second.

    python -m benchmarks.w3_client CLIENT WIRE PORT CALLS CONCURRENCY [stream]

CLIENT is `ours`, `bare` (httpx over aiohttp, JSON only), `thin` (our codecs over aiohttp alone) or `sdk` (OpenAI's own). Prints one
JSON object.
"""

import asyncio
import json
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import aiohttp
from httpx_aiohttp import HttpxAiohttpClient
from openai import AsyncOpenAI

from polaris_llm.core.client import HttpClient, HttpOptions
from polaris_llm.core.deltas import TextDelta
from polaris_llm.core.inference import ModelRequest
from polaris_llm.core.models import LLMConfiguration
from polaris_llm.core.parts import text_message
from polaris_llm.core.providers.exchange import Codec, HttpReply
from polaris_llm.core.providers.registry import PROVIDERS, Endpoint

from .cores import pin
from .process_tree import memory_mb
from .w3_server import EVENTS, TEXT

Ask = Callable[[], Awaitable[str]]
"""One call; gives the answer's text."""

SYSTEM = "You reason about a web system. " * 16
USER = "Known facts of the system follow. " * 42
REQUEST = ModelRequest(model="served-model", messages=(text_message("system", SYSTEM), text_message("user", USER)), max_tokens=512)
KEY = "a-key-of-nobody"
PROVIDER_OF = {wire.name: provider for name, provider in PROVIDERS.items() if name not in ("azure", "local") for wire in provider.wires}
"""Whose wire it is, for every wire that there is."""


@asynccontextmanager
async def _ours(wire: str, url: str, stream: bool) -> AsyncGenerator[Ask, None]:
    config = LLMConfiguration(provider=PROVIDER_OF[wire].name, api_endpoint=url, api_key=KEY, model_name=REQUEST.model)
    async with HttpClient(config, HttpOptions(wire=wire, keep_raw=False)) as client:

        async def whole() -> str:
            return (await client.respond(REQUEST)).text

        async def streamed() -> str:
            return "".join([event.text async for event in client.stream_events(REQUEST) if isinstance(event, TextDelta)])

        yield streamed if stream else whole


def _codec(wire: str, url: str) -> Codec:
    provider = PROVIDER_OF[wire]
    return provider.wire(wire).codec(Endpoint(provider=provider.name, base_url=url, api_key=KEY))


@asynccontextmanager
async def _bare(wire: str, url: str, stream: bool) -> AsyncGenerator[Ask, None]:
    codec = _codec(wire, url)
    call = codec.encode_stream(REQUEST) if stream else codec.encode(REQUEST)
    payload, headers = json.loads(call.body), dict(call.headers)

    async with HttpxAiohttpClient(timeout=60) as client:

        async def whole() -> str:
            reply = await client.post(call.url, content=json.dumps(payload, separators=(",", ":")), headers=headers)
            return TEXT if TEXT in str(reply.json()) else ""

        async def streamed() -> str:
            texts = []
            async with client.stream("POST", call.url, content=json.dumps(payload, separators=(",", ":")), headers=headers) as reply:
                async for line in reply.aiter_lines():
                    if line.startswith("data: ") and line != "data: [DONE]":
                        texts.append(_text(json.loads(line[6:])))
            return "".join(texts)

        yield streamed if stream else whole


@asynccontextmanager
async def _thin(wire: str, url: str, stream: bool) -> AsyncGenerator[Ask, None]:
    """What a transport without httpx could give at best: it maps no error, and keeps one limit of time."""
    codec = _codec(wire, url)
    connector, cookies = aiohttp.TCPConnector(limit=0), aiohttp.DummyCookieJar()

    async with aiohttp.ClientSession(connector=connector, cookie_jar=cookies, timeout=aiohttp.ClientTimeout(60)) as session:

        async def whole() -> str:
            call = codec.encode(REQUEST)
            async with session.post(call.url, data=call.body, headers=call.headers, allow_redirects=False) as response:
                return codec.decode(call, replace(_head(response), body=await response.read())).text

        async def streamed() -> str:
            call = codec.encode_stream(REQUEST)
            async with session.post(call.url, data=call.body, headers=call.headers, allow_redirects=False) as response:
                decoder = codec.stream_decoder(call, _head(response))
                events = [event async for chunk in response.content.iter_any() for event in decoder.feed(chunk)] + list(decoder.end())
                return "".join([event.text for event in events if isinstance(event, TextDelta)])

        yield streamed if stream else whole


def _head(response: aiohttp.ClientResponse) -> HttpReply:
    headers = {name.lower(): value for name, value in response.headers.items()}
    return HttpReply(status=response.status, headers=headers, body=b"", received_at=time.time())


def _text(event: dict[str, Any]) -> str:  # JSON of any wire
    """The text of an event."""
    if "choices" in event:
        return event["choices"][0]["delta"].get("content") or ""
    if "candidates" in event:
        return event["candidates"][0]["content"]["parts"][0]["text"]
    delta = event.get("delta", "")
    return delta if isinstance(delta, str) else delta.get("text", "")


@asynccontextmanager
async def _sdk(wire: str, url: str, stream: bool) -> AsyncGenerator[Ask, None]:
    async with AsyncOpenAI(base_url=f"{url}/v1", api_key=KEY, max_retries=0) as client:
        messages: Any = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": USER}]

        async def chat() -> str:
            answer = await client.chat.completions.create(model="served-model", messages=messages, max_tokens=512, temperature=0.1)
            return answer.choices[0].message.content or ""

        async def chat_stream() -> str:
            parts = await client.chat.completions.create(model="served-model", messages=messages, max_tokens=512, stream=True)
            return "".join([part.choices[0].delta.content or "" async for part in parts])

        async def responses() -> str:
            return (await client.responses.create(model="served-model", input=messages, max_output_tokens=512)).output_text

        async def responses_stream() -> str:
            parts = await client.responses.create(model="served-model", input=messages, max_output_tokens=512, stream=True)
            return "".join([part.delta async for part in parts if part.type == "response.output_text.delta"])

        yield {"openai_chat": (chat, chat_stream), "openai_responses": (responses, responses_stream)}[wire][stream]


CLIENTS = {"ours": _ours, "bare": _bare, "thin": _thin, "sdk": _sdk}


async def _measured(ask: Ask, calls: int, concurrency: int, expected: int) -> dict[str, float]:
    left = iter(range(calls))

    async def worker() -> None:
        for _ in left:
            text = await ask()
            assert len(text) == expected, text

    cpu, began = time.process_time(), time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(concurrency)))
    return {"per_s": calls / (time.perf_counter() - began), "cpu_us": (time.process_time() - cpu) / calls * 1e6}


async def _main(client: str, wire: str, port: str, calls: int, concurrency: int, stream: bool) -> None:
    units = EVENTS if stream else 1
    expected = sum(len(f" word{number}") for number in range(EVENTS)) if stream else len(TEXT)
    async with CLIENTS[client](wire, f"http://127.0.0.1:{port}", stream) as ask:
        await _measured(ask, max(concurrency, calls // 10), concurrency, expected)  # connections are made, and all code is warm
        figures = await _measured(ask, calls, concurrency, expected)
    print(json.dumps({"per_s": figures["per_s"] * units, "cpu_us": figures["cpu_us"] / units, "memory_mb": memory_mb()}))


if __name__ == "__main__":
    pin("client")
    client, wire, port, calls, concurrency, *stream = sys.argv[1:]
    asyncio.run(_main(client, wire, port, int(calls), int(concurrency), bool(stream)))
