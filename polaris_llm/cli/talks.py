"""The two ways to talk: with a model, whose answers are shown as they are written, and with an agent that has tools."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from types import TracebackType
from typing import Any, Protocol, Self

from ..actors.runtime import LLMRuntime
from ..actors.session_handle import SessionHandle
from ..core.call_context import CallContext
from ..core.client import LLMClient
from ..core.conversation_requests import answer_message, chat_request
from ..core.conversations import Conversation
from ..core.deltas import TextDelta
from ..core.events import Event
from ..core.exceptions import LLMIntegrationError, LLMTimeoutError
from ..core.inference import ModelResponse
from ..core.models import Message, MessageRole
from ..core.runs import RunLimits
from ..core.stream_folding import Folding
from .following import ENDING_S, Consent, followed
from .output import printable, stderr
from .story import Story, as_text

Show = Callable[[str], None]
"""Takes the pieces of an answer, as they may be shown."""


class Talk(Protocol):
    """A conversation that remembers what was said."""

    partner: str

    def say(self, text: str, show: Show) -> dict[str, Any]:  # JSON
        """What is told of the answer, which was shown meanwhile; raises LLMIntegrationError, and then nothing was said."""
        ...


class ModelTalk:
    """A conversation with a model; the oldest turns go when there are too many."""

    def __init__(self, client: LLMClient, system: str | None, timeout_s: float) -> None:
        self.partner = f"Talking with {client.config.model_name} ({client.config.provider})"
        self._client = client
        self._timeout_s = timeout_s
        self._runner = asyncio.Runner()
        self._conversation = Conversation()
        if system:
            self._conversation.add_message(Message(MessageRole.SYSTEM, system))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._runner.run(self._client.close())
        self._runner.close()

    def say(self, text: str, show: Show) -> dict[str, Any]:  # JSON
        """See Talk."""
        question = Message(MessageRole.USER, text)
        response = self._runner.run(self._answered(question, show))
        self._conversation.add_message(question)
        self._conversation.add_message(answer_message(response))
        return {"answer": response.text, "model": response.model, "usage": response.usage.as_json(), "cached": response.cached}

    async def _answered(self, question: Message, show: Show) -> ModelResponse:
        request, answer = chat_request(self._conversation, question, self._client), Folding()
        call = CallContext(session_id=self._conversation.conversation_id, remaining_s=self._timeout_s)
        try:
            async with asyncio.timeout(self._timeout_s), aclosing(self._client.stream_events(request, call)) as events:
                async for event in events:
                    answer.add(event)
                    if isinstance(event, TextDelta):
                        show(printable(event.text))
        except TimeoutError as error:
            raise LLMTimeoutError(f"the model gave no answer within {self._timeout_s:g} s: allow more with --timeout") from error
        return answer.response()


class AgentTalk:
    """A conversation with an agent: one session, each message a run of it."""

    def __init__(self, runtime: LLMRuntime, timeout_s: float, consent: Consent, **options: Any) -> None:  # as in LLMRuntime.submit
        self.partner = f"Talking with {runtime.settings.provider(options['provider']).model} and its tools"
        self._runtime = runtime
        self._timeout_s = timeout_s
        self._consent = consent
        self._options = options
        self._story = Story(stderr(), answers=False)
        self._session: SessionHandle | None = None
        self._seen = 0

    def say(self, text: str, show: Show) -> dict[str, Any]:  # JSON
        """See Talk."""
        session = self._spoken_to(text)
        ended = followed(session, self._timeout_s + ENDING_S, self._tell, self._consent, after=self._seen)
        if ended.status != "completed":
            because = ended.error.message if ended.error else "it did not say why"
            raise LLMIntegrationError(f"the run ended as {ended.status}: {because}")
        show(as_text(ended.result))
        return {"answer": ended.result, "session_id": session.session_id, "steps": ended.steps, "tool_calls": ended.tool_calls}

    def _spoken_to(self, text: str) -> SessionHandle:
        if self._session is None:
            limits = RunLimits(max_steps=self._runtime.settings.conversation_management.max_steps, deadline_s=self._timeout_s)
            self._session = self._runtime.submit(text, limits=limits, **self._options)
        else:
            self._session.send(text)
        return self._session

    def _tell(self, event: Event) -> None:
        self._seen += 1
        self._story.tell(event)
