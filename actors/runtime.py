"""The runtime that users start: sessions, live tools, an ordinary client, and health, over either engine.

Everything runs on one background loop, so that plain code, notebooks and coroutines use it alike; what blocks has an
async twin.
"""

import asyncio
import atexit
import logging
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

from ..core.call_context import CallContext
from ..core.client import LLMClient, PortClient
from ..core.client_factory import configuration_of
from ..core.exceptions import ActorError, LLMIntegrationError, OutcomeUnknownError
from ..core.inference import ModelRequest, ModelResponse
from ..core.ports import ModelPort
from ..core.scenarios.results import SimulationResults
from ..core.scenarios.scenario import Scenario
from ..core.settings import Settings
from ..core.tools import BaseTool
from .background import BackgroundLoop
from .connection import Connection, greeting, open_connection
from .conversation import Submission
from .journal import unknown_session
from .links import FOREVER_S, Links
from .live_tools import LiveTools
from .mailbox import HEALTH
from .names import Names
from .opening import Opening, SettingsSource, find_actors, require_references, start_actors, stop_actors, with_runtime
from .requests import OnEvent, Request, default_spec, run_spec, with_live_tools
from .roster import actor_specs
from .session_handle import SessionHandle
from .sessions import Sessions
from .simulation import OnProgress, simulate
from .wiring.model import model_port

logger = logging.getLogger(__name__)

HEALTH_WAIT_S = 5.0


class LLMRuntime:
    """A running set of actors, and this process's way to them. Made by `start` or `connect`; usable as a context manager."""

    def __init__(self, settings: Settings, connection: Connection, background: BackgroundLoop, links: Links, *, owner: bool) -> None:
        self.settings = settings
        self.owner = owner
        """Whether this process started the actors, and stops them."""
        self._connection = connection
        self._background = background
        self._links = links
        self._names = Names(settings)
        self._sessions = Sessions(links, settings)
        self._live_tools = LiveTools(links.to(self._names.callers), links.name, settings.tool_registry)
        self._chores: set[asyncio.Task[None]] = set()
        self._closed = False
        atexit.register(self.close)

    # Starting and ending

    @classmethod
    def start(cls, settings: SettingsSource = None, **runtime: Any) -> Self:  # fields of the settings' section `runtime`
        """A runtime with these settings; keywords replace those of the section `runtime`, such as engine, address or name.

        Starts a local Ray unless this process is connected to one or an address is given. A runtime of this name that is
        there already is joined, if its settings are the same.

        Raises:
            LLMConfigurationError: The settings are wrong, the cluster cannot be joined, or the name stands for another runtime.
        """
        return cls._opened(with_runtime(settings, runtime), start_actors)

    @classmethod
    async def astart(cls, settings: SettingsSource = None, **runtime: Any) -> Self:  # as in `start`
        """See `start`."""
        return await asyncio.to_thread(lambda: cls.start(settings, **runtime))

    @classmethod
    def connect(cls, name: str = "polaris", **runtime: Any) -> Self:  # as in `start`
        """Join a running runtime by its name; raises LLMConfigurationError when there is none in the cluster."""
        return cls._opened(with_runtime(None, {"name": name, **runtime}), find_actors)

    @classmethod
    async def aconnect(cls, name: str = "polaris", **runtime: Any) -> Self:  # as in `start`
        """See `connect`."""
        return await asyncio.to_thread(lambda: cls.connect(name, **runtime))

    @classmethod
    def _opened(cls, settings: Settings, opening: Opening) -> Self:
        require_references(settings)
        connection = open_connection(settings)
        background = BackgroundLoop(f"polaris-llm {settings.runtime.name}")
        try:
            return background.run(cls._open(settings, connection, background, opening))
        except BaseException:
            background.close()
            connection.close()
            raise

    @classmethod
    async def _open(cls, settings: Settings, connection: Connection, background: BackgroundLoop, opening: Opening) -> Self:
        links = Links(connection.engine, "client", greeting(), timeout_s=settings.runtime.ask_timeout_s)
        try:
            opened = await opening(links, settings)
        except BaseException:
            await links.close()
            raise
        runtime = cls(opened.settings, connection, background, links, owner=opened.owner)
        if opened.owner and not opened.settings.runtime.detached:
            runtime._do(runtime._renew_lease())
        return runtime

    def stop(self) -> None:
        """End the runtime for everybody, whoever started it."""
        if not self._closed:
            self._background.run(stop_actors(self._links, self.settings))
        self.close()

    async def astop(self) -> None:
        """See `stop`."""
        await asyncio.to_thread(self.stop)

    def close(self) -> None:
        """Leave the runtime; it ends if this process started it and it is not detached. A second call does nothing."""
        if self._closed:
            return
        self._closed = True
        atexit.unregister(self.close)
        try:
            self._background.run(self._close())
        finally:
            self._background.close()
            self._connection.close()

    async def _close(self) -> None:
        for chore in self._chores:
            chore.cancel()
        await self._live_tools.close()
        if self.owner and not self.settings.runtime.detached:
            await stop_actors(self._links, self.settings)
        await self._links.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await asyncio.to_thread(self.close)

    # Sessions

    def submit(self, objective: str, **options: Any) -> SessionHandle:  # fields of SubmitOptions
        """Start a session and return when it is safe in the journal.

        Args:
            objective: What the model is asked to do.
            **options: `tools` (names of the settings' tools, `module:name`, or objects that run in this process), `session_id`,
                `on_event` (called with every event), and any field of RunSpec, such as system, context, provider, limits.

        Raises:
            LLMConfigurationError: A tool or provider is unknown. SessionError: the id is taken. OverloadedError: no room in time.
        """
        return self._background.run(self._submit(self._request(objective, options), None))

    async def asubmit(self, objective: str, **options: Any) -> SessionHandle:  # as in `submit`
        """See `submit`; async live tools run on the calling loop."""
        return await self._background.arun(self._submit(self._request(objective, options), asyncio.get_running_loop()))

    def submit_many(self, objectives: Iterable[str], **options: Any) -> list[SessionHandle]:  # as in `submit`
        """Start many sessions with the same options at once: a handful of messages, however many they are."""
        requests = [self._request(objective, options) for objective in objectives]
        return self._background.run(self._submit_many(requests, None))

    async def asubmit_many(self, objectives: Iterable[str], **options: Any) -> list[SessionHandle]:  # as in `submit`
        """See `submit_many`."""
        requests = [self._request(objective, options) for objective in objectives]
        return await self._background.arun(self._submit_many(requests, asyncio.get_running_loop()))

    def session(self, session_id: str) -> SessionHandle:
        """A session by its id, whoever submitted it."""
        return SessionHandle(session_id, self._sessions, self._background)

    def attach(self, session_id: str, tools: Sequence[BaseTool | Callable[..., Any]]) -> SessionHandle:
        """Run a session's live tools in this process from now on, in place of one that is gone."""
        return self._background.run(self._attach(self._request("", {"session_id": session_id, "tools": tools}), None))

    async def aattach(self, session_id: str, tools: Sequence[BaseTool | Callable[..., Any]]) -> SessionHandle:
        """See `attach`; async tools run on the calling loop."""
        home = asyncio.get_running_loop()
        return await self._background.arun(self._attach(self._request("", {"session_id": session_id, "tools": tools}), home))

    def client(self, provider: str = "default") -> LLMClient:
        """An ordinary client of a provider of the settings, with the runtime's cache, limits and retries behind it."""
        keyless = self.settings.provider(provider).model_copy(update={"api_key": None})
        port = OnLoop(model_port(self._links, self.settings, provider), self._background)
        return PortClient(configuration_of(keyless), port)

    def health(self) -> dict[str, Any]:  # JSON
        """Every actor's facts by its name, or why it does not answer; `replaced` counts the deaths."""
        return self._background.run(self._health())

    async def ahealth(self) -> dict[str, Any]:  # JSON
        """See `health`."""
        return await self._background.arun(self._health())

    @property
    def address(self) -> str | None:
        """Where other processes can join the cluster; None for the inline engine."""
        return self._connection.address

    def simulate(self, scenarios: Sequence[Scenario], *, on_progress: OnProgress | None = None, **options: Any) -> SimulationResults:
        """Run what-if scenarios in the cluster, side by side; a scenario that fails is a row, not an exception.

        Args:
            scenarios: What to run.
            on_progress: Called with the decisions made so far and those there will be.
            **options: Fields of RunSpec, as for `submit`: the agent of every decision.
        """
        agent = run_spec("", options, default_spec(self.settings))
        return self._background.run(simulate(self._links, self.settings, scenarios, agent, on_progress))

    async def asimulate(
        self, scenarios: Sequence[Scenario], *, on_progress: OnProgress | None = None, **options: Any
    ) -> SimulationResults:  # as in `simulate`
        """See `simulate`."""
        agent = run_spec("", options, default_spec(self.settings))
        return await self._background.arun(simulate(self._links, self.settings, scenarios, agent, on_progress))

    def _request(self, objective: str, options: Mapping[str, Any]) -> Request:  # as in `submit`
        return Request.of(objective, options, default_spec(self.settings))

    async def _submit(self, request: Request, home: asyncio.AbstractEventLoop | None) -> SessionHandle:
        spec = await self._sessions.with_tools(request.spec, request.pool_tools)
        if request.live_tools:
            spec = with_live_tools(spec, request.live_tools, self._live_tools.caller_id)
        if request.live_tools and not await self._sessions.is_known(request.session_id):
            await self._live_tools.attach(request.session_id, request.live_tools, home)
        try:
            await self._sessions.submit(Submission(session_id=request.session_id, run_id=f"{request.session_id}.1", spec=spec))
        except LLMIntegrationError:
            self._live_tools.rest(request.session_id)
            raise
        if request.on_event is not None:
            self._do(self._tell_events(request.session_id, request.on_event))
        if request.live_tools:  # also of a session that was there: now it is known to be this one
            await self._serve(request, home)
        return self.session(request.session_id)

    async def _submit_many(self, requests: Sequence[Request], home: asyncio.AbstractEventLoop | None) -> list[SessionHandle]:
        return await asyncio.gather(*(self._submit(request, home) for request in requests))

    async def _attach(self, request: Request, home: asyncio.AbstractEventLoop | None) -> SessionHandle:
        if not await self._sessions.is_known(request.session_id):
            raise unknown_session(request.session_id)
        await self._serve(request, home)
        return self.session(request.session_id)

    async def _serve(self, request: Request, home: asyncio.AbstractEventLoop | None) -> None:
        await self._live_tools.attach(request.session_id, request.live_tools, home)
        self._do(self._rest_at_end(request.session_id))

    async def _rest_at_end(self, session_id: str) -> None:
        try:
            await self._sessions.outcome(session_id, FOREVER_S)
        finally:
            self._live_tools.rest(session_id)

    async def _tell_events(self, session_id: str, on_event: OnEvent) -> None:
        async for event in self._sessions.follow(session_id, 0, FOREVER_S):
            await asyncio.to_thread(on_event, event)

    async def _health(self) -> dict[str, Any]:  # JSON
        names = [spec.name for spec in actor_specs(self.settings)]
        facts = await asyncio.gather(*(self._facts(name) for name in (self._names.supervisor, *names)))
        replaced = facts[0].get("replaced", {})
        return {"actors": dict(zip((self._names.supervisor, *names), facts, strict=True)), "replaced": replaced}

    async def _facts(self, name: str) -> dict[str, Any]:  # JSON
        try:
            facts: dict[str, Any] = await self._sessions.ask_twice(name, HEALTH, CallContext(remaining_s=HEALTH_WAIT_S))
        except ActorError as error:
            return {"error": str(error)}
        return facts

    async def _renew_lease(self) -> None:
        supervisor = self._links.to(self._names.supervisor)
        while True:
            try:
                await supervisor.ask("renew_lease", CallContext())
            except ActorError as error:
                logger.warning("the supervisor does not answer: %s", error)
            await asyncio.sleep(self.settings.runtime.lease_s / 3)

    def _do(self, chore: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(self._guarded(chore))
        self._chores.add(task)
        task.add_done_callback(self._chores.discard)

    async def _guarded(self, chore: Coroutine[Any, Any, None]) -> None:
        try:
            await chore
        except Exception:  # the boundary that supervises what nobody awaits, a caller's `on_event` among it
            logger.exception("a chore of the runtime failed")


class OnLoop:
    """ModelPort that works on the runtime's loop, for callers on any other."""

    def __init__(self, port: ModelPort, background: BackgroundLoop) -> None:
        self._port = port
        self._background = background

    async def respond(self, request: ModelRequest, call: CallContext) -> ModelResponse:
        """See ModelPort; asks a second time when the provider died, as a session's driver does."""
        try:
            return await self._background.arun(self._port.respond(request, call))
        except OutcomeUnknownError:
            return await self._background.arun(self._port.respond(request, replace(call, attempt=2)))
