"""How a server of each wire says the same things, for the tests that run over every wire. A new wire is one more value."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from polaris_llm.core.inference import PromptCache
from polaris_llm.core.parts import ToolCallPart
from polaris_llm.core.usage import Usage

from .openai_server import Reply

Wire = dict[str, Any]  # JSON of a wire


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a model says in one answer, and what that takes."""

    thoughts: str = ""
    text: str = ""
    calls: tuple[ToolCallPart, ...] = ()
    usage: Usage = Usage(input_tokens=11, output_tokens=3)


def pieces(text: str) -> list[str]:
    """A text in at most some twenty pieces, a short one character by character."""
    size = max(1, len(text) // 20)
    return [text[start : start + size] for start in range(0, len(text), size)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerDialect:
    """One wire, from the server's side."""

    path: str
    """Where the wire is asked below a bare host, the model being "a-model"."""
    key_header: str
    whole: Callable[[Said], Wire]
    """An answer in one piece."""
    events: Callable[[Said], Iterator[bytes]]
    """The same answer as a stream, its texts and arguments in several pieces."""
    slow_down: Reply
    """A rate limit that was met, on requests, to be tried again after a time that is told somewhere, at most 10 s."""
    no_funds: Reply
    """A refusal that waiting does not mend."""
    too_long: Reply
    """A refusal of a prompt that does not fit into the model's context window."""
    forbidden: Reply
    """A refusal, or an answer that is none, where the provider's rules forbid the prompt."""
    in_stream: bytes
    """An event that says that the server is overloaded."""
    kept: Callable[[Wire], PromptCache] = lambda body: PromptCache()
    """How the body of a request asks for the beginning of its prompt to be kept."""
    tells_cache_writes: bool = True
    """Whether usage tells how much was newly kept."""
