"""`polaris-llm sessions`: what the agents of a running runtime do, and what they did."""

import time

import click
from rich.table import Column
from rich.text import Text

from ..core.events import EVENT, RunEnded
from ..core.exceptions import DeadlineExceededError
from ..core.session_summaries import SESSION_SUMMARY, SessionSummary, summary_of
from ..core.storage.event_log import to_line
from .commands import FAILED, NO_RESULT, Group, as_json_option, examples
from .output import note, one_line, print_json, print_table, stdout
from .runtime_choice import RuntimeChoice, runtime_options
from .story import Story, as_text, print_event, seconds

COLUMNS = (
    Column("session", no_wrap=True),
    Column("status", no_wrap=True),
    Column("steps", justify="right"),
    Column("tokens", justify="right"),
    Column("took", justify="right", no_wrap=True),
    Column("begun", no_wrap=True),
    Column("objective", no_wrap=True, overflow="ellipsis"),
)
WIDE_ONLY = {"tokens", "took", "begun"}
EVERYTHING = 1_000_000
STYLES = {"completed": "green", "running": "cyan", "paused": "yellow", "waits for approval": "yellow"}


@click.group(cls=Group, short_help="What the agents of a runtime do, and did.")
def sessions() -> None:
    """Look at the sessions of a running runtime, whoever submitted them."""


@sessions.command("list", epilog=examples("polaris-llm sessions list --open", "polaris-llm sessions list --json --count 500"))
@click.option("--count", type=click.IntRange(1, 500), default=50, show_default=True, help="Sessions at most.")
@click.option("--open", "only_open", is_flag=True, help="Only those with a run under way.")
@runtime_options
@as_json_option
def list_sessions(count: int, only_open: bool, which: RuntimeChoice, as_json: bool) -> None:
    """List sessions, the one that was begun last first."""
    with which.connected() as runtime:
        summaries = runtime.sessions(count, only_open=only_open)
    if as_json:
        print_json([SESSION_SUMMARY.dump_python(summary, mode="json") for summary in summaries])
        return
    print_table(COLUMNS, [_row(summary) for summary in summaries], wide_only=WIDE_ONLY)
    if not summaries:
        note("No sessions yet: polaris-llm ask --connect ... submits one.")


@sessions.command(
    short_help="The story of one session so far.",
    epilog=examples("polaris-llm sessions show SESSION", "polaris-llm sessions show SESSION --full --json"),
)
@click.argument("session_id", metavar="SESSION")
@click.option("--full", is_flag=True, help="Messages and results at their full length.")
@runtime_options
@as_json_option
def show(session_id: str, full: bool, which: RuntimeChoice, as_json: bool) -> None:
    """Tell the story of a SESSION so far: steps, tool calls, tokens, outcome."""
    with which.connected() as runtime:
        events = runtime.session(session_id).log()
    summary = summary_of(session_id, [to_line(event) for event in events])
    if as_json:
        told = [EVENT.dump_python(event, mode="json") for event in events]
        print_json({**SESSION_SUMMARY.dump_python(summary, mode="json"), "log": told})
        return
    story = Story(stdout(), shown_chars=EVERYTHING) if full else Story(stdout())
    for event in events:
        story.tell(event)
    if isinstance(events[-1], RunEnded) and events[-1].result is not None:
        click.echo(f"\n{as_text(events[-1].result)}")


@sessions.command(
    short_help="The events of one session, as they happen.",
    epilog=examples("polaris-llm sessions watch SESSION", "polaris-llm sessions watch SESSION --after 12 --json"),
)
@click.argument("session_id", metavar="SESSION")
@click.option("--after", type=click.IntRange(0), default=0, show_default=True, help="Leave out so many events.")
@click.option("--timeout", type=click.FloatRange(0.1), default=600.0, show_default=True, help="Give up after so many silent seconds.")
@runtime_options
@as_json_option
def watch(session_id: str, after: int, timeout: float, which: RuntimeChoice, as_json: bool) -> None:
    """Print the events of a SESSION as they happen, until its run ends; exit code 4 if that brings no answer."""
    last = None
    with which.connected() as runtime:
        session, story = runtime.session(session_id), Story(stdout())
        for earlier in session.log()[:after] if after else ():
            story.hear(earlier)
        try:
            for last in session.events(after, timeout):
                if as_json:
                    print_event(session_id, last)
                else:
                    story.tell(last)
        except DeadlineExceededError:
            note(f"nothing has happened for {timeout:g} s; watch on with --after, or see: polaris-llm sessions show {session_id}")
            raise click.exceptions.Exit(FAILED) from None
    if isinstance(last, RunEnded) and last.status != "completed":
        raise click.exceptions.Exit(NO_RESULT)


@sessions.command(short_help="End the run of a session.", epilog=examples("polaris-llm sessions cancel SESSION"))
@click.argument("session_id", metavar="SESSION")
@runtime_options
@as_json_option
def cancel(session_id: str, which: RuntimeChoice, as_json: bool) -> None:
    """End the run of a SESSION that is under way; exit code 1 if none is."""
    with which.connected() as runtime:
        cancelled = runtime.session(session_id).cancel()
    if as_json:
        print_json({"session_id": session_id, "cancelled": cancelled})
    elif not cancelled:
        note(f"Session {session_id} has no run under way.")
    if not cancelled:
        raise click.exceptions.Exit(FAILED)


@sessions.command(
    short_help="Consent to a tool call, or refuse it.",
    epilog=examples("polaris-llm sessions approve SESSION CALL", "polaris-llm sessions approve SESSION CALL --refuse 'too dear'"),
)
@click.argument("session_id", metavar="SESSION")
@click.argument("call_id", metavar="CALL")
@click.option("--refuse", metavar="REASON", help="Do not approve; the model is told why.")
@runtime_options
@as_json_option
def approve(session_id: str, call_id: str, refuse: str | None, which: RuntimeChoice, as_json: bool) -> None:
    """Approve the tool call CALL of a SESSION that waits for it; `sessions show` tells its id."""
    with which.connected() as runtime:
        runtime.session(session_id).approve(call_id, refuse is None, refuse or "")
    if as_json:
        print_json({"session_id": session_id, "call_id": call_id, "approved": refuse is None})


def _row(summary: SessionSummary) -> tuple[str | Text, ...]:
    return (
        one_line(summary.session_id),
        Text(summary.status, style=STYLES.get(summary.status, "red")),
        str(summary.steps),
        "-" if summary.tokens is None else f"{summary.tokens:,}",
        seconds(summary.updated_at - summary.started_at),
        time.strftime("%m-%d %H:%M:%S", time.localtime(summary.started_at)),
        one_line(summary.objective),
    )
