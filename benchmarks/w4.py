"""W4: hits of the cache: values of 1 kB, asked for one by one, 64 at a time, beside redis-py's asyncio client with one command a get.

    python -m benchmarks.w4 [--engine ray|inline] [--gets 10000] [--concurrency 64] [--rounds 5]

Both are asked by this process, in turns; the Redis is one of our own, and is left out where redis-server is not installed. Prints one
JSON line: gets per second and on-CPU microseconds of all processes for each, medians, and the median of the rounds' ratios; the memory
is of all processes, both caches'.
"""

import argparse
import asyncio
import shutil
import socket
import statistics
import subprocess
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from redis.asyncio import Redis
from redis.exceptions import ConnectionError as NotThereError

from polaris_llm.actors.cache import CacheHandle
from polaris_llm.actors.connection import greeting, open_connection
from polaris_llm.actors.links import Links
from polaris_llm.actors.names import Names
from polaris_llm.actors.roster import actor_specs
from polaris_llm.core.settings import Settings

from .measuring import Figures, measured, medians, tell
from .process_tree import memory_mb

KEYS = [f"{number:064x}" for number in range(1000)]
VALUE = b"0123456789abcdef" * 64
TTL_S = 3600
REDIS_START_S = 10

Get = Callable[[str], Awaitable[bytes | None]]


@asynccontextmanager
async def _ours(engine: str) -> AsyncGenerator[Get]:
    """A cache actor, and a client's handle of it."""
    settings = Settings.load({"runtime": {"engine": engine}})
    name = Names(settings).cache
    connection = open_connection(settings)
    links = Links(connection.engine, "client", greeting())
    try:
        await connection.engine.create(next(spec for spec in actor_specs(settings) if spec.name == name))
        cache = CacheHandle(links.to(name))
        for key in KEYS:
            await cache.put(key, VALUE, TTL_S)
        yield cache.get
    finally:
        await connection.engine.stop(name)
        await links.close()
        await asyncio.to_thread(connection.close)


@asynccontextmanager
async def _redis(server: str) -> AsyncGenerator[Get]:
    """A Redis that keeps nothing on disk, and a client of it."""
    with socket.socket() as free, tempfile.TemporaryDirectory() as folder:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        command = [server, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", folder]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            async with Redis(port=port, protocol=3) as client:
                await _until_it_answers(client)
                await client.mset(dict.fromkeys(KEYS, VALUE))
                yield client.get
        finally:
            process.terminate()
            process.wait(10)


async def _until_it_answers(client: Redis) -> None:
    async with asyncio.timeout(REDIS_START_S):
        while True:
            try:
                await client.ping()
                return
            except NotThereError:
                await asyncio.sleep(0.05)


async def _round(get: Get, gets: int, concurrency: int) -> Figures:
    numbers = iter(range(gets))

    async def ask() -> None:
        for number in numbers:
            if await get(KEYS[number % len(KEYS)]) != VALUE:
                raise ValueError("a value that was put is not there")

    with measured() as figures:
        await asyncio.gather(*(ask() for _ in range(concurrency)))
    return {"gets_per_s": gets / figures["wall_s"], "cpu_us_per_get": figures["cpu_s"] * 1e6 / gets}


async def _measure(options: argparse.Namespace) -> dict[str, object]:
    async with AsyncExitStack() as stack:
        caches = {"ours": await stack.enter_async_context(_ours(options.engine))}
        server = shutil.which("redis-server")
        if server is not None:
            caches["redis"] = await stack.enter_async_context(_redis(server))
        for get in caches.values():
            await _round(get, min(1000, options.gets), options.concurrency)
        rounds = [
            {name: await _round(get, options.gets, options.concurrency) for name, get in caches.items()} for _ in range(options.rounds)
        ]
        memory = {"memory_mb": round(memory_mb(), 1)}
    found: dict[str, object] = {name: medians([each[name] for each in rounds]) for name in caches} | memory
    if server is None:
        return {**found, "redis": "left out: redis-server is not installed (Debian: apt-get install redis-server)"}
    ratios = [each["ours"]["gets_per_s"] / each["redis"]["gets_per_s"] for each in rounds]
    return {**found, "of_redis": round(statistics.median(ratios), 2)}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure both and print the line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", choices=["ray", "inline"], default="ray")
    parser.add_argument("--gets", type=int, default=10_000)
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(arguments)
    tell("w4", vars(options), asyncio.run(_measure(options)))


if __name__ == "__main__":
    main()
