"""A session's events as people read them: when, what, and the rest, one after another."""

import json
from dataclasses import dataclass, replace
from typing import assert_never

import click
from pydantic import JsonValue
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from ..core.events import EVENT, Event, ModelResponded, RunEnded, RunStarted
from ..core.parts import ToolCallPart
from ..core.runs import RunOutcome
from ..core.usage import Usage
from .output import one_line, print_json_line, printable

SHOWN_CHARS = 400
"""Of one result or message, unless all is asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a story."""

    what: str
    text: str
    tail: str = ""
    """What comes after the text, however long that is."""
    style: str = ""


class Story:
    """Tells events in their order; it remembers the names of the tools that were called, and when the run began."""

    def __init__(self, console: Console, *, shown_chars: int = SHOWN_CHARS, answers: bool = True) -> None:
        """Without `answers`, what the model says last is left out: it is printed elsewhere."""
        self._console = console
        self._answers = answers
        self._shown_chars = shown_chars
        self._names: dict[str, str] = {}
        self._began: float | None = None

    def tell(self, event: Event) -> None:
        """Print the lines of an event."""
        for line in self.hear(event):
            self._print(f"{event.at - (self._began or event.at):.2f}s", line)

    def hear(self, event: Event) -> list[Line]:
        """The lines of an event, without a print: so that what follows is understood."""
        if isinstance(event, RunStarted):
            self._began = event.at
        return self._lines(event)

    def _print(self, when: str, line: Line) -> None:
        text = one_line(line.text)
        text = (text if len(text) <= self._shown_chars else f"{text[: self._shown_chars]}...") + line.tail
        if not self._console.is_terminal:
            click.echo(f"{when}\t{line.what}\t{text}", err=self._console.stderr)
            return
        row = Table.grid(Column(width=8, justify="right", style="dim"), Column(width=10), Column(overflow="fold"), padding=(0, 2, 0, 0))
        row.add_row(when, Text(line.what, style=line.style or "cyan"), Text(text, style=line.style))
        self._console.print(row)

    def _lines(self, event: Event) -> list[Line]:
        match event.kind:
            case "run_started":
                return [Line(what="run", text=event.spec.objective, style="bold")]
            case "message_received":
                return [Line(what="message", text=event.message.text)]
            case "model_responded":
                return self._answered(event)
            case "model_failed":
                return [Line(what=f"step {event.step}", text=f"the model failed: {event.error.message}", style="red")]
            case "tool_started":
                return [Line(what="starts", text=self._name(event.call_id))]
            case "tool_completed":
                told = f"{self._name(event.call_id)} {'failed' if event.is_error else 'answered'} in {seconds(event.duration_s)}: "
                return [Line(what="tool", text=told + as_text(event.content), style="red" if event.is_error else "green")]
            case "approval_requested":
                text = f"{self._name(event.call_id)} waits for approval of the call {event.call_id}"
                return [Line(what="approval", text=text, style="yellow")]
            case "approval_given":
                verdict = "approved" if event.approved else f"refused: {event.reason or 'no reason given'}"
                return [Line(what="approval", text=f"{self._name(event.call_id)} {verdict}", style="yellow")]
            case "paused" | "resumed":
                return [Line(what=event.kind, text=event.reason, style="yellow")]
            case "run_ended":
                return [Line(what="end", text=ending(event), style="bold green" if event.status == "completed" else "bold red")]
            case _:
                assert_never(event.kind)

    def _answered(self, event: ModelResponded) -> list[Line]:
        response, what = event.response, f"step {event.step}"
        self._names |= {call.call_id: call.name for call in response.tool_calls}
        cost = " (from the cache)" if response.cached else f" ({tokens(response.usage)}, {seconds(response.latency_s)})"
        if not response.tool_calls:
            return [Line(what=what, text=f"the model answers: {response.text}" if self._answers else "the model answers", tail=cost)]
        says = [Line(what=what, text=f"the model says: {response.text}")] if response.text else []
        calls = [Line(what=what, text=f"the model calls {_spelled(call)}") for call in response.tool_calls]
        calls[-1] = replace(calls[-1], tail=cost)
        return says + calls

    def _name(self, call_id: str) -> str:
        return self._names.get(call_id, call_id)


def ending(ended: RunEnded | RunOutcome) -> str:
    """How a run ended, and what it took."""
    took = f"{counted(ended.steps, 'step')}, {counted(ended.tool_calls, 'tool call')}, {tokens(ended.usage)}, {seconds(ended.duration_s)}"
    because = f": {ended.error.message}" if ended.error else ""
    return f"{ended.status}{because} ({took})"


def counted(count: int, thing: str) -> str:
    """So many things."""
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def tokens(usage: Usage) -> str:
    """What was read and written."""
    return f"{usage.input_tokens:,}+{usage.output_tokens:,} tokens"


def seconds(duration_s: float) -> str:
    """A duration for people."""
    return f"{duration_s:.1f} s" if duration_s >= 1 else f"{1000 * duration_s:.0f} ms"


def as_text(value: JsonValue) -> str:
    """A text as it is, any other value as JSON."""
    return printable(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def print_event(session_id: str, event: Event) -> None:
    """One line of JSON for an event of a session."""
    print_json_line({"session_id": session_id, **EVENT.dump_python(event, mode="json")})


def _spelled(call: ToolCallPart) -> str:
    if call.malformed is not None:
        return f"{call.name}, wrongly: {call.malformed}"
    return f"{call.name}({', '.join(f'{name}={json.dumps(value, ensure_ascii=False)}' for name, value in call.arguments.items())})"
