"""The runtime that users start: sessions, live tools, an ordinary client, and health, over either engine.

Everything runs on one background loop, so that plain code, notebooks and coroutines use it alike; what blocks has an
async twin.
"""

import asyncio
import atexit
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from ..core.client_factory import configuration_of
from ..core.llm_client import LLMClient, PortClient
from ..core.scenarios.results import SimulationResults
from ..core.scenarios.scenario import Scenario
from ..core.session_summaries import SessionSummary
from ..core.settings import Settings
from ..core.tools import BaseTool
from .background import BackgroundLoop, Chores
from .connection import Connection, greeting, open_connection
from .health import health_of
from .links import Links
from .live_tools import LiveTools
from .local_runtimes import with_local_address
from .names import Names
from .opening import Opening, SettingsSource, find_actors, renew_lease, require_references, start_actors, stop_actors, with_runtime
from .requests import Prompt, Request, default_spec, run_spec
from .session_handle import SessionHandle
from .sessions import Sessions
from .simulation import SIMULATION_OPTIONS, SimulationOptions, simulate
from .submissions import Submissions
from .wiring.model import OnLoop, model_port


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
        self._chores = Chores()
        live_tools = LiveTools(links.to(self._names.callers), links.name, settings.tool_registry)
        self._submissions = Submissions(self._sessions, live_tools, self._chores)
        self._closed = False
        atexit.register(self.close)

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
        return await cls._in_thread(lambda: cls.start(settings, **runtime))

    @classmethod
    def connect(cls, name: str = "polaris", **runtime: Any) -> Self:  # as in `start`
        """Join a running runtime by its name; without an address, the one that `polaris-llm start` serves on this machine.

        Raises:
            LLMConfigurationError: There is no such runtime, or the cluster cannot be joined.
        """
        return cls._opened(with_local_address(with_runtime(None, {"name": name, **runtime})), find_actors)

    @classmethod
    async def aconnect(cls, name: str = "polaris", **runtime: Any) -> Self:  # as in `start`
        """See `connect`."""
        return await cls._in_thread(lambda: cls.connect(name, **runtime))

    @classmethod
    async def _in_thread(cls, opening: Callable[[], Self]) -> Self:
        runtime = await asyncio.to_thread(opening)
        runtime._connection.heed_signals()
        return runtime

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
            runtime._chores.do(renew_lease(links, opened.settings))
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
        self._chores.cancel()
        await self._submissions.close()
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

    def submit(self, objective: Prompt, **options: Any) -> SessionHandle:  # fields of SubmitOptions
        """Start a session and return when it is safe in the journal.

        Args:
            objective: What the model is asked to do; it, `system` and `history` may be messages of a PromptManager.
            **options: `tools` (names of the settings' tools, `module:name`, or objects that run in this process), `session_id`,
                `on_event` (called with every event), and any field of RunSpec, such as system, context, provider, limits.

        Raises:
            LLMConfigurationError: A tool or provider is unknown. SessionError: the id is taken. OverloadedError: no room in time.
        """
        (session,) = self.submit_many([objective], **options)
        return session

    async def asubmit(self, objective: Prompt, **options: Any) -> SessionHandle:  # as in `submit`
        """See `submit`; async live tools run on the calling loop."""
        (session,) = await self.asubmit_many([objective], **options)
        return session

    def submit_many(self, objectives: Iterable[Prompt], **options: Any) -> list[SessionHandle]:  # as in `submit`
        """Start many sessions with the same options at once: a handful of messages, however many they are."""
        requests = [self._request(objective, options) for objective in objectives]
        self._background.run(self._submissions.submit_all(requests, None))
        return [self.session(request.session_id) for request in requests]

    async def asubmit_many(self, objectives: Iterable[Prompt], **options: Any) -> list[SessionHandle]:  # as in `submit`
        """See `submit_many`."""
        requests = [self._request(objective, options) for objective in objectives]
        await self._background.arun(self._submissions.submit_all(requests, asyncio.get_running_loop()))
        return [self.session(request.session_id) for request in requests]

    def session(self, session_id: str) -> SessionHandle:
        """A session by its id, whoever submitted it."""
        return SessionHandle(session_id, self._sessions, self._background)

    def sessions(self, count: int = 50, *, only_open: bool = False) -> tuple[SessionSummary, ...]:
        """The sessions that were submitted last, by anybody, the latest first; at most 500 are told."""
        return self._background.run(self._sessions.newest(count, only_open))

    async def asessions(self, count: int = 50, *, only_open: bool = False) -> tuple[SessionSummary, ...]:
        """See `sessions`."""
        return await self._background.arun(self._sessions.newest(count, only_open))

    def attach(self, session_id: str, tools: Sequence[BaseTool | Callable[..., Any]]) -> SessionHandle:
        """Run a session's live tools in this process from now on, in place of one that is gone."""
        self._background.run(self._submissions.attach(self._request("", {"session_id": session_id, "tools": tools}), None))
        return self.session(session_id)

    async def aattach(self, session_id: str, tools: Sequence[BaseTool | Callable[..., Any]]) -> SessionHandle:
        """See `attach`; async tools run on the calling loop."""
        home = asyncio.get_running_loop()
        await self._background.arun(self._submissions.attach(self._request("", {"session_id": session_id, "tools": tools}), home))
        return self.session(session_id)

    def client(self, provider: str = "default") -> LLMClient:
        """An ordinary client of a provider of the settings, with the runtime's cache, limits and retries behind it."""
        keyless = self.settings.provider(provider).model_copy(update={"api_key": None})
        port = OnLoop(model_port(self._links, self.settings, provider), self._background)
        return PortClient(configuration_of(keyless), port)

    def health(self) -> dict[str, Any]:  # JSON
        """Every actor's facts by its name, or why it does not answer; `replaced` counts the deaths."""
        return self._background.run(health_of(self._sessions, self.settings))

    async def ahealth(self) -> dict[str, Any]:  # JSON
        """See `health`."""
        return await self._background.arun(health_of(self._sessions, self.settings))

    @property
    def address(self) -> str | None:
        """Where other processes can join the cluster; None for the inline engine."""
        return self._connection.address

    def simulate(self, scenarios: Sequence[Scenario], **options: Any) -> SimulationResults:  # SimulationOptions, and RunSpec's fields
        """Run what-if scenarios in the cluster, side by side; a scenario that fails is a row, not an exception.

        Args:
            scenarios: What to run, such as `ScenarioFile.load(path).scenarios()`.
            **options: Fields of SimulationOptions, such as `manifest`, a file that keeps finished runs so that they are not repeated; and
                of RunSpec, as for `submit`: the agent of every decision, where a scenario says nothing of it.
        """
        return self._background.run(self._simulation(scenarios, options))

    async def asimulate(self, scenarios: Sequence[Scenario], **options: Any) -> SimulationResults:  # as in `simulate`
        """See `simulate`."""
        return await self._background.arun(self._simulation(scenarios, options))

    def _simulation(self, scenarios: Sequence[Scenario], options: Mapping[str, Any]) -> Coroutine[Any, Any, SimulationResults]:  # as above
        own = {name: value for name, value in options.items() if name in SIMULATION_OPTIONS}
        agent = run_spec("", {name: value for name, value in options.items() if name not in own}, default_spec(self.settings))
        return simulate(self._links, self.settings, scenarios, agent, SimulationOptions(**own))

    def _request(self, objective: Prompt, options: Mapping[str, Any]) -> Request:  # as in `submit`
        return Request.of(objective, options, default_spec(self.settings))
