"""OpenAI's chat completions: what an answer tells beside its text: what it cites, and how probable its tokens were. No I/O."""

from pydantic import JsonValue

from ..wire_json import without_halves
from .wire_values import Wire


class BesideText:
    """What is told in one message, or in its pieces, of which each adds to the lists."""

    def __init__(self) -> None:
        self._lists: dict[str, list[JsonValue]] = {}
        self._logprobs: dict[str, list[JsonValue]] = {}

    def add(self, message: Wire) -> None:
        """Take in a message or a piece of one; `logprobs` stand in it as they do beside it."""
        _extend(self._lists, "annotations", message.get("annotations"))
        logprobs = message.get("logprobs")
        for name, tokens in logprobs.items() if isinstance(logprobs, dict) else ():
            _extend(self._logprobs, name, tokens)

    @property
    def kept(self) -> dict[str, JsonValue]:
        """What is to stay with the text."""
        told = {**self._lists, **({"logprobs": self._logprobs} if self._logprobs else {})}
        return without_halves(told) if told else {}


def _extend(lists: dict[str, list[JsonValue]], name: str, further: object) -> None:
    if isinstance(further, list) and further:
        lists.setdefault(name, []).extend(further)
