"""Runs the live tools of runs in the process that submitted them: takes their calls from the desk, gives results back."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Sequence

from ..core.call_context import CallContext
from ..core.exceptions import ActorError, LLMToolError
from ..core.models import ToolResult
from ..core.pool_settings import ToolRegistrySettings
from ..core.tool_registry import BaseTool, ToolRegistry
from ..core.tool_runner import failed_result
from .callers import LiveCall
from .links import FOREVER_S, Link

logger = logging.getLogger(__name__)

TRY_AGAIN_S = 0.2
"""Between two tries to reach a desk that is being replaced."""
KEPT_SESSIONS = 1_000
"""Sessions whose run is over that are still served: a message may start another run."""


class LiveTools:
    """The live tools of this process, by session. Used on the runtime's own loop only."""

    def __init__(self, desk: Link, caller_id: str, limits: ToolRegistrySettings) -> None:
        self.caller_id = caller_id
        self._desk = desk
        self._limits = limits
        self._tools: dict[str, ToolRegistry] = {}
        self._homes: dict[str, asyncio.AbstractEventLoop | None] = {}
        self._resting: OrderedDict[str, None] = OrderedDict()
        self._taking: asyncio.Task[None] | None = None
        self._running: set[asyncio.Task[None]] = set()

    async def attach(self, session_id: str, tools: Sequence[BaseTool], home: asyncio.AbstractEventLoop | None) -> None:
        """Serve a session's live tools from now on; async ones run on `home`, the loop that submitted them, if there was one."""
        limits = self._limits
        registry = ToolRegistry(default_timeout_s=limits.timeout_s, max_result_characters=limits.max_result_chars)
        self._tools[session_id] = registry
        for tool in tools:
            registry.register_tool(tool)
        self._homes[session_id] = home
        self._resting.pop(session_id, None)
        await self._desk.ask("attach", CallContext(session_id=session_id), self.caller_id, (session_id,))
        if self._taking is None:
            self._taking = asyncio.create_task(self._take_all())

    def rest(self, session_id: str) -> None:
        """The session's run is over; of those that are, the longest forgotten is served no more."""
        if session_id in self._tools:
            self._resting[session_id] = None
            self._resting.move_to_end(session_id)
        if len(self._resting) > KEPT_SESSIONS:
            oldest, _ = self._resting.popitem(last=False)
            del self._tools[oldest], self._homes[oldest]
            self._desk.tell("detach", CallContext(session_id=oldest), self.caller_id, (oldest,))

    async def close(self) -> None:
        """Say goodbye: runs that need these tools wait for another process."""
        tasks = [*self._running, *([self._taking] if self._taking else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._taking is not None:
            self._taking = None
            try:
                await self._desk.ask("leave", CallContext(remaining_s=1.0), self.caller_id)
            except ActorError as error:
                logger.info("the desk did not hear the goodbye: %s", error)

    async def _take_all(self) -> None:
        while True:
            try:
                calls: tuple[LiveCall, ...] = await self._desk.ask("take", CallContext(remaining_s=FOREVER_S), self.caller_id)
            except ActorError as error:
                logger.warning("live tools cannot be served for now: %s", error)
                await asyncio.sleep(TRY_AGAIN_S)
                await self._come_back()
                continue
            for call in calls:
                task = asyncio.create_task(self._run(call))
                self._running.add(task)
                task.add_done_callback(self._running.discard)

    async def _come_back(self) -> None:
        try:
            await self._desk.ask("come_back", CallContext(), self.caller_id, tuple(self._tools))
        except ActorError as error:
            logger.warning("the desk is not back yet: %s", error)

    async def _run(self, live: LiveCall) -> None:
        result = await self._result(live)
        self._desk.tell("complete", live.call, self.caller_id, live.number, result)

    async def _result(self, live: LiveCall) -> ToolResult:
        registry = self._tools.get(live.call.session_id)
        if registry is None:
            return _failure(live, f"session {live.call.session_id} has no live tools here any more")
        home = self._homes.get(live.call.session_id)
        if home is None or not home.is_running():
            return await registry.run_tool(live.name, live.arguments, live.call, live.context)
        if not await _answers(home, self._limits.timeout_s):
            return _failure(live, f"the event loop that is to run {live.name!r} is blocked: await async twins on it, no blocking calls")
        running = asyncio.run_coroutine_threadsafe(registry.run_tool(live.name, live.arguments, live.call, live.context), home)
        try:
            await asyncio.wait({asyncio.wrap_future(running)})
            return _failure(live, f"the event loop that ran {live.name!r} has ended") if running.cancelled() else running.result()
        finally:
            running.cancel()  # when this is


async def _answers(home: asyncio.AbstractEventLoop, within_s: float) -> bool:
    """Whether a loop has its turns; where it has none, no timeout of its own would end what waits for it."""
    turn = asyncio.run_coroutine_threadsafe(asyncio.sleep(0), home)
    await asyncio.wait({asyncio.wrap_future(turn)}, timeout=within_s)
    return turn.done() or not turn.cancel()


def _failure(live: LiveCall, message: str) -> ToolResult:
    return failed_result(live.name, live.call.call_id, LLMToolError(message, live.name))
