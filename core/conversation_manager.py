"""The contract's conversations in one process: plain ones, and agentic ones, which are runs of a session.

Nothing here belongs to an event loop; one after another may use it. Conversations are the live objects that their callers hold.
"""

import asyncio
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from weakref import WeakValueDictionary

from .cache import LLMCache
from .call_context import CallContext
from .conversation_ports import MAX_TEMPERATURE, ClientPort, NoJournal, RegistryPort
from .conversation_requests import agentic_run, answer_message, chat_request, error_message, objective_message, system_message
from .conversation_session import ConversationSession
from .conversation_shelf import Shelf
from .conversations import MAX_MESSAGES, Conversation
from .driver import Driver, Ports
from .events import ApprovalGiven, RunStarted
from .exceptions import ErrorRecord, LLMIntegrationError, UnknownSessionError
from .inference import ModelResponse
from .llm_client import LLMClient
from .models import AgenticConversation, Message, MessageRole
from .prompt_manager import PromptManager
from .response_parser import ResponseParser
from .runs import RunLimits, RunOutcome
from .session_state import Phase
from .tool_registry import ToolRegistry

__all__ = ["Conversation", "ConversationManager", "Message", "MessageRole"]

_CANCELLED = ErrorRecord.of(LLMIntegrationError("the run was cancelled", error_code="RUN_CANCELLED"))


@dataclass(slots=True)
class _Agent:
    conversation: AgenticConversation
    limits: RunLimits
    outcome: RunOutcome | None = None


class ConversationManager:
    """Keeps up to `max_conversations` of either kind; one turn at a time in each, further ones wait for theirs."""

    DEFAULT_MAX_CONVERSATIONS = 1000
    DEFAULT_MAX_MESSAGES_PER_CONVERSATION = MAX_MESSAGES

    def __init__(
        self,
        llm_client: LLMClient,
        tool_registry: ToolRegistry,
        response_parser: ResponseParser,
        max_conversations: int = DEFAULT_MAX_CONVERSATIONS,
        *,
        max_messages: int = DEFAULT_MAX_MESSAGES_PER_CONVERSATION,
        cache: LLMCache | bool = True,
        ttl_s: float | None = None,
        limits: RunLimits | None = None,
        max_temperature: float = MAX_TEMPERATURE,
        prompts: PromptManager | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """A manager with a cache of its own, with a given one, or with none (False).

        Its own cache leaves a mock's answers alone, which are played as written, and keeps results of tools that say for how long;
        a given one keeps both kinds; neither those sampled hotter than `max_temperature`. `ttl_s` lets unused conversations go;
        `max_messages` and `limits` are a conversation's defaults. `prompts` have the template `agentic_reasoning` that agents are told.
        """
        self.llm_client = llm_client
        self.tool_registry = tool_registry
        self.response_parser = response_parser
        self.max_conversations = max_conversations
        self.max_messages = max_messages
        self.cache = LLMCache() if cache is True else cache or None
        self._cache_is_own = cache is True
        self.limits = limits or RunLimits()
        self._max_temperature = max_temperature
        self._prompts = prompts
        self._clock = clock
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()  # those under way or waited for
        self._drivers: dict[str, Driver] = {}
        self._conversations: Shelf[Conversation] = Shelf(max_conversations, ttl_s, self._turns, clock)
        self._agents: Shelf[_Agent] = Shelf(max_conversations, ttl_s, self._turns, clock)

    def create_conversation(
        self,
        conversation_id: str | None = None,
        max_messages: int | None = None,
        context: dict[str, Any] | None = None,  # the caller's own
        *,
        system_message: str | None = None,
    ) -> Conversation:
        """A new conversation; raises SessionError if the id is taken."""
        conversation = Conversation(conversation_id, max_messages or self.max_messages, context)
        if system_message:
            conversation.add_message(Message(MessageRole.SYSTEM, system_message))
        self._conversations.add(conversation.conversation_id, conversation)
        return conversation

    async def send_message(
        self,
        conversation_id: str,
        content: str,
        role: MessageRole = MessageRole.USER,
        generate_response: bool = True,
        *,
        raise_errors: bool = False,
    ) -> Message | None:
        """The answer, which the conversation now ends with; None if none was asked for. Raises UnknownSessionError.

        Without an answer there is a message that tells of the error; with `raise_errors` the error is raised, and nothing was said.
        """
        async with self._turns.setdefault(conversation_id, asyncio.Lock()):
            conversation = self._conversations.use(conversation_id)
            question, answer = Message(role, content), None
            if generate_response:
                try:
                    answer = answer_message(await self._respond(conversation, question))
                except Exception as error:  # the boundary of a turn
                    if raise_errors:
                        raise
                    answer = error_message(error)
            for message in (question, answer):
                if message is not None:
                    conversation.add_message(message)
            return answer

    def create_agentic_conversation(
        self,
        objective: str,
        available_tools: list[str] | None = None,
        max_iterations: int = 10,
        context: dict[str, Any] | None = None,  # whatever the tools and the model should know
        *,
        limits: RunLimits | None = None,
    ) -> AgenticConversation:
        """A new agentic conversation; with no `available_tools` it may use all that are registered now."""
        allowed = self.tool_registry.list_tools() if available_tools is None else list(available_tools)
        conversation = AgenticConversation(
            messages=[system_message(objective, allowed, context or {}, self._prompts)],
            context={**(context or {}), "objective": objective, "available_tools": allowed},
            max_iterations=max_iterations,
        )
        return self.add_agentic_conversation(conversation, limits=limits)

    def add_agentic_conversation(self, conversation: AgenticConversation, *, limits: RunLimits | None = None) -> AgenticConversation:
        """The same conversation, such as a flow's, which can now be run; raises SessionError if its id is taken."""
        self._agents.add(conversation.conversation_id, _Agent(conversation, limits or self.limits))
        return conversation

    async def run_agentic_conversation(self, conversation_id: str, initial_message: str | None = None) -> AgenticConversation:
        """The same conversation, run to its end: an answer, a limit or an error, which is in its `final_result`.

        A finished one is run again. Raises UnknownSessionError, or LLMConfigurationError where there is nothing to do.
        """
        async with self._turns.setdefault(conversation_id, asyncio.Lock()):
            agent = self._agents.use(conversation_id)
            if (objective := objective_message(agent.conversation, initial_message)) is not None:
                agent.conversation.add_message(objective)
            await self._run(agent)
            return agent.conversation

    def cancel_agentic_conversation(self, conversation_id: str) -> bool:
        """End the run under way, and say whether there was one; to be called in the event loop that runs it."""
        driver = self._drivers.get(conversation_id)
        if driver is not None:
            driver.end("cancelled", _CANCELLED)
        return driver is not None

    def decide_tool_call(self, conversation_id: str, call_id: str, approved: bool, reason: str = "") -> None:
        """Approve, or not, a call that waits for consent (status pending); to be called in the event loop that runs it."""
        if (driver := self._drivers.get(conversation_id)) is None:
            raise UnknownSessionError(f"no run of conversation {conversation_id!r} is under way", conversation_id)
        driver.receive(ApprovalGiven(call_id=call_id, approved=approved, reason=reason, at=self._clock()))

    def get_conversation(self, conversation_id: str) -> Conversation | None:
        """The conversation of that id."""
        return self._conversations.find(conversation_id)

    def get_agentic_conversation(self, conversation_id: str) -> AgenticConversation | None:
        """The agentic conversation of that id."""
        agent = self._agents.find(conversation_id)
        return agent.conversation if agent else None

    def get_run_outcome(self, conversation_id: str) -> RunOutcome | None:
        """How the last run of an agentic conversation ended, with its status, error and totals; None before that."""
        agent = self._agents.find(conversation_id)
        return agent.outcome if agent else None

    def delete_conversation(self, conversation_id: str) -> bool:
        """Forget a conversation of either kind, and end its run; says whether it was there."""
        self.cancel_agentic_conversation(conversation_id)
        return self._conversations.remove(conversation_id) | self._agents.remove(conversation_id)

    def list_conversations(self) -> list[str]:
        """The ids, the longest unused first."""
        return [conversation_id for conversation_id, _ in self._conversations.items()]

    def list_agentic_conversations(self) -> list[str]:
        """The ids, the longest unused first."""
        return [conversation_id for conversation_id, _ in self._agents.items()]

    def get_conversation_statistics(self) -> dict[str, int]:
        """How many there are of either kind, and how many agentic ones are complete or not."""
        agents = self._agents.items()
        completed = sum(agent.conversation.is_complete for _, agent in agents)
        return {
            "total_conversations": len(self._conversations.items()),
            "total_agentic_conversations": len(agents),
            "active_conversations": len(agents) - completed,
            "completed_conversations": completed,
        }

    def clear_conversations(self, older_than_hours: float | None = None) -> int:
        """Forget all conversations, or those that did not change for so long; says how many."""
        changed = {conversation_id: conversation.updated_at for conversation_id, conversation in self._conversations.items()}
        changed |= {conversation_id: agent.conversation.updated_at for conversation_id, agent in self._agents.items()}
        if older_than_hours is not None:
            before = datetime.fromtimestamp(self._clock(), UTC) - timedelta(hours=older_than_hours)
            changed = {conversation_id: at for conversation_id, at in changed.items() if at < before}
        return sum(self.delete_conversation(conversation_id) for conversation_id in changed)

    async def _respond(self, conversation: Conversation, question: Message) -> ModelResponse:
        call = CallContext(session_id=conversation.conversation_id, remaining_s=self.limits.deadline_s)
        return await self._model().respond_in_time(chat_request(conversation, question, self.llm_client), call)

    def _model(self) -> ClientPort:
        return ClientPort(self.llm_client, self.cache, spares_mocks=self._cache_is_own, max_temperature=self._max_temperature)

    async def _run(self, agent: _Agent) -> None:
        conversation_id = agent.conversation.conversation_id
        limits = replace(agent.limits, max_steps=agent.conversation.max_iterations)
        spec = agentic_run(agent.conversation, self.tool_registry.schemas(), self.llm_client, limits)
        tools = RegistryPort(self.tool_registry, self.cache, keeps_pure=not self._cache_is_own)
        session = ConversationSession(agent.conversation, tools.results)
        session.receive(RunStarted(run_id=str(uuid.uuid4()), spec=spec, at=self._clock()))
        ports = Ports(model=self._model(), tools=tools, journal=NoJournal(), clock=self._clock)
        driver = self._drivers[conversation_id] = Driver(session, ports)
        try:
            await driver.run()
        finally:
            del self._drivers[conversation_id]
            if session.state.phase is not Phase.IDLE:  # the caller's task was cancelled
                session.receive(session.ended("cancelled", self._clock(), error=_CANCELLED))
            agent.outcome = session.outcome
