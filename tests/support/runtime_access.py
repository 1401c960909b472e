"""Inline runtimes for tests, with the pickle round trip on; and what tests do to them behind their back."""

import asyncio
import contextlib
import types
import uuid
from collections.abc import Callable, Coroutine, Generator
from typing import Any

from polaris_llm.actors.background import BackgroundLoop
from polaris_llm.actors.connection import greeting
from polaris_llm.actors.engine import ActorSpec, Engine
from polaris_llm.actors.links import Links
from polaris_llm.actors.names import Names
from polaris_llm.actors.runtime import LLMRuntime
from polaris_llm.core.call_context import CallContext
from polaris_llm.core.settings import Settings

MODEL = {"script": "support.runtime_model:play"}
TOOLS = [f"support.runtime_tools:{name}" for name in ("add", "wait_at", "wait_at_once_only", "note", "reboot", "read_context", "broken")]


def settings_of(**sections: Any) -> Settings:  # the settings' sections
    """Settings of an inline runtime whose model plays plans; a section that is given replaces single values of the usual one."""
    usual: dict[str, Any] = {
        "llm": MODEL,
        "tool_registry": {"tools": TOOLS},
        "runtime": {"engine": "inline", "pickle_round_trip": True},
    }
    return Settings.load({name: usual.get(name, {}) | sections.get(name, {}) for name in usual | sections})


def started(**sections: Any) -> LLMRuntime:  # as for `settings_of`
    """A running runtime."""
    return LLMRuntime.start(settings_of(**sections))


def new_id() -> str:
    """A session id that no other test has."""
    return f"session-{uuid.uuid4().hex[:8]}"


def names_of(runtime: LLMRuntime) -> Names:
    """What the runtime's actors are called."""
    return Names(runtime.settings)


def engine_of(runtime: LLMRuntime) -> Engine:
    """The engine under the runtime; use it on the runtime's loop only."""
    return runtime._connection.engine


def links_of(runtime: LLMRuntime) -> Links:
    """The runtime's own links; use them on its loop only."""
    return runtime._links


def loop_of(runtime: LLMRuntime) -> BackgroundLoop:
    """The runtime's own loop."""
    return runtime._background


def kill(runtime: LLMRuntime, name: str) -> None:
    """End an actor at once, as if its process died."""
    loop_of(runtime).run(engine_of(runtime).stop(name))


def killing(runtime: LLMRuntime, name: str) -> Callable[[], object]:
    """What ends an actor at once when it is called on the runtime's loop, as often as it is called."""
    tasks: set[asyncio.Task[None]] = set()
    return lambda: tasks.add(_begun(engine_of(runtime).stop(name)))


def _begun(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """A task that has taken its first step already, so that nobody is quicker."""

    @types.coroutine
    def rest(awaited: object) -> Generator[object, Any, None]:
        with contextlib.suppress(StopIteration):
            while True:
                awaited = work.send((yield awaited))

    async def go_on(awaited: object) -> None:
        await rest(awaited)

    return asyncio.ensure_future(go_on(work.send(None)))


def create(runtime: LLMRuntime, spec: ActorSpec) -> None:
    """Start an actor, as the engine does for those that it restarts itself."""
    loop_of(runtime).run(engine_of(runtime).create(spec))


def freeze_live_tools(runtime: LLMRuntime) -> None:
    """Stop serving live tools without a goodbye, as a process does that hangs or is gone."""
    taking = runtime._submissions._live_tools._taking
    assert taking is not None
    loop_of(runtime).run(_ended(taking))


def take_for_dead(runtime: LLMRuntime) -> None:
    """Let the desk think that the runtime's client was silent for longer than its lease."""
    desk, caller_id = links_of(runtime).to(names_of(runtime).callers), links_of(runtime).name
    loop_of(runtime).run(desk.ask("leave", CallContext(), caller_id))


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


class SharedLoop(BackgroundLoop):
    """Another runtime's loop, which is not this one's to close."""

    def __init__(self, owner: BackgroundLoop) -> None:
        vars(self).update(vars(owner))

    def close(self) -> None:
        """Nothing: its owner does."""


def joined(runtime: LLMRuntime) -> LLMRuntime:
    """A second client of a runtime's actors, such as another process has."""
    links = Links(engine_of(runtime), "client", greeting(), timeout_s=runtime.settings.runtime.ask_timeout_s)
    return LLMRuntime(runtime.settings, runtime._connection, SharedLoop(loop_of(runtime)), links, owner=False)
