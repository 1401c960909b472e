"""polaris-llm, on Ray unless told otherwise: one conversation host, provider, cache, journal and tool worker, each a process."""

import asyncio

from polaris_llm.actors.runtime import LLMRuntime

from ..polaris import session_on, settings
from .turns import engine, latency_s, take_turns

if __name__ == "__main__":
    with LLMRuntime.start(settings(engine(), latency_s=latency_s())) as runtime:
        asyncio.run(take_turns(session_on(runtime)))
