"""A small world for sessions: tools, scripted answers, and fakes for the driver's three ports."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import JsonValue

from polaris_llm.core.call_context import CallContext
from polaris_llm.core.driver import Driver, Ports
from polaris_llm.core.events import Event, MessageReceived, ModelResponded, RunStarted, ToolCompleted
from polaris_llm.core.inference import FinishReason, ModelRequest, ModelResponse
from polaris_llm.core.models import ToolResult
from polaris_llm.core.parts import Part, TextPart, ToolCallPart, ToolResultPart, text_message
from polaris_llm.core.runs import RunLimits, RunOutcome, RunSpec
from polaris_llm.core.session import Session
from polaris_llm.core.storage.memory_journal import MemoryJournal
from polaris_llm.core.tool_schema import ToolSchema
from polaris_llm.core.usage import Usage

NOW = 1000.0
PATIENCE_S = 5.0
"""Seconds after which a test gives up waiting."""

LOOK = ToolSchema("look", "Looks around.", {}, effect="pure")
FETCH = ToolSchema("fetch", "Fetches a thing.", {"what": {"type": "string"}}, effect="idempotent")
LAUNCH = ToolSchema("launch", "Cannot be undone.", {}, effect="once")
ASK = ToolSchema("ask", "Needs consent.", {}, effect="once", requires_approval=True)
TOOLS = (LOOK, FETCH, LAUNCH, ASK)


def a_spec(tools: tuple[ToolSchema, ...] = TOOLS, **changes: Any) -> RunSpec:
    """A run with all tools; `max_steps`, `deadline_s` and the like may stand among the changes."""
    limits = {name: changes.pop(name) for name in RunLimits.__dataclass_fields__.keys() & changes.keys()}
    facts: dict[str, Any] = {"objective": "find the answer", "tools": tools, "limits": RunLimits(**limits)}
    return RunSpec(**facts | changes)


def a_start(spec: RunSpec | None = None, run_id: str = "run-1") -> RunStarted:
    """The event that starts a run."""
    return RunStarted(run_id=run_id, spec=spec or a_spec(), at=NOW)


def said(text: str, **changes: Any) -> ModelResponse:
    """An answer of one text."""
    return answer_of(TextPart(text=text), **changes)


def calls(*wanted: str, **changes: Any) -> ModelResponse:
    """An answer that calls tools, each given as `id:name`."""
    pairs = (one.split(":") for one in wanted)
    parts = (ToolCallPart(call_id=call_id, name=name, arguments={}) for call_id, name in pairs)
    return answer_of(*parts, **{"finish_reason": FinishReason.TOOL_CALLS} | changes)


def answer_of(*parts: Part, tokens: int = 10, **changes: Any) -> ModelResponse:
    """An answer of these parts."""
    return ModelResponse(model="m", parts=parts, usage=Usage(input_tokens=tokens - 1, output_tokens=1), **{"response_id": "r"} | changes)


def responded(step: int, response: ModelResponse) -> ModelResponded:
    """The event that the model answered a step."""
    return ModelResponded(step=step, response=response, at=NOW)


def completed(call_id: str, content: JsonValue = "ok") -> ToolCompleted:
    """The event that a tool answered."""
    return ToolCompleted(call_id=call_id, content=content, at=NOW)


def heard(text: str) -> MessageReceived:
    """The event that a user said something."""
    return MessageReceived(message=text_message("user", text), at=NOW)


def a_session(*events: Event, spec: RunSpec | None = None) -> Session:
    """A session in which a run started and then these events happened."""
    return Session.replay("session", [a_start(spec), *events])


def results_in(session: Session) -> dict[str, Any]:
    """The content of every tool result of the history, by call id."""
    parts = (part for message in session.state.messages for part in message.parts)
    return {part.call_id: part.content for part in parts if isinstance(part, ToolResultPart)}


async def hang() -> Any:
    """Never return."""
    await asyncio.Event().wait()


Deed = JsonValue | ModelResponse | BaseException | Callable[[CallContext], Any]
"""What a fake does when it is called: answer, raise, or whatever a function makes of it, which may be awaited."""


async def perform(deed: Deed, call: CallContext) -> Any:
    """Do the deed."""
    await asyncio.sleep(0)  # as a real port, it never answers in the same tick
    made = deed(call) if callable(deed) else deed
    made = await made if asyncio.iscoroutine(made) else made
    if isinstance(made, BaseException):
        raise made
    return made


@dataclass
class FakeModel:
    """Answers step by step from a script whose last line is repeated."""

    script: Sequence[Deed]
    asked: list[tuple[ModelRequest, CallContext]] = field(default_factory=list)

    async def respond(self, request: ModelRequest, call: CallContext) -> ModelResponse:
        """See ModelPort."""
        self.asked.append((request, call))
        response: ModelResponse = await perform(self.script[min(call.step, len(self.script)) - 1], call)
        return response

    @property
    def steps(self) -> list[int]:
        """The steps that were asked, in order."""
        return [call.step for _, call in self.asked]


@dataclass
class FakeTools:
    """Answers with the deed of the tool's name, else with `ok`."""

    deeds: Mapping[str, Deed] = field(default_factory=dict)
    ran: list[tuple[str, CallContext]] = field(default_factory=list)

    async def run_tool(
        self, name: str, arguments: Mapping[str, JsonValue], call: CallContext, context: Mapping[str, JsonValue]
    ) -> ToolResult:
        """See ToolPort."""
        self.ran.append((name, call))
        made = await perform(self.deeds.get(name, "ok"), call)
        if isinstance(made, ToolResult):
            return made
        return ToolResult(call_id=call.call_id, tool_name=name, success=True, result=made, execution_time=0.5)

    @property
    def call_ids(self) -> list[str]:
        """The ids of the calls that were run, in order."""
        return [call.call_id for _, call in self.ran]


@dataclass
class FakeCallers:
    """Lets absent callers be back as soon as the deed is done."""

    deed: Deed = None
    waited: list[CallContext] = field(default_factory=list)

    async def caller_back(self, call: CallContext) -> None:
        """See CallerPort."""
        self.waited.append(call)
        await perform(self.deed, call)


class FakeJournal(MemoryJournal):
    """A journal of JSON that takes a tick to write, lets tests wait for events, and fails when told."""

    def __init__(self, fail_at: int | None = None, error: BaseException | None = None) -> None:
        super().__init__()
        self.log: list[Event] = []
        self._fail_at = fail_at
        self._error = error
        self._grown = asyncio.Event()

    async def append(self, session_id: str, expected_seq: int, events: Sequence[Event]) -> None:
        """See JournalPort; fails once the log is `fail_at` events long."""
        await asyncio.sleep(0)
        if self._fail_at is not None and expected_seq + len(events) > self._fail_at:
            raise self._error or OSError("disk full")
        await super().append(session_id, expected_seq, events)
        self.log.extend(events)
        self._grown.set()

    def kinds(self) -> list[str]:
        """The kinds of what is in the log."""
        return [event.kind for event in self.log]

    async def holds(self, kind: str, times: int = 1) -> None:
        """Return when the log has as many events of the kind."""
        async with asyncio.timeout(PATIENCE_S):
            while self.kinds().count(kind) < times:
                self._grown.clear()
                await self._grown.wait()


@dataclass
class World:
    """A session, its driver and the fakes around it."""

    model: FakeModel
    tools: FakeTools
    journal: FakeJournal
    driver: Driver

    @property
    def session(self) -> Session:
        """The driven session."""
        return self.driver.session

    async def run(self) -> RunOutcome:
        """Drive the run to its end, within the test's patience."""
        async with asyncio.timeout(PATIENCE_S):
            return await self.driver.run()


async def a_world(
    *script: Deed,
    spec: RunSpec | None = None,
    deeds: Mapping[str, Deed] | None = None,
    log: Sequence[Event] = (),
    journal: FakeJournal | None = None,
    callers: FakeCallers | None = None,
    now: float = NOW,
) -> World:
    """A world at the start of a run, or where the log ends."""
    events = list(log) or [a_start(spec)]
    journal = journal or FakeJournal()
    await journal.append("session", 0, events)
    model, tools = FakeModel(script or [said("done")]), FakeTools(deeds or {})
    ports = Ports(model=model, tools=tools, journal=journal, callers=callers, clock=lambda: now)
    return World(model, tools, journal, Driver(Session.replay("session", events), ports))
