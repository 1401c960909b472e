"""Logs in memory: one writer at a time, within bounds, and no run under way is ever dropped."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polaris_llm.core.events import Event, RunEnded
from polaris_llm.core.exceptions import JournalConflictError, OverloadedError
from polaris_llm.core.storage.event_log import LogLine, MemoryEventLog, from_line, to_line
from polaris_llm.core.storage.memory_journal import MemoryJournal
from support.sessions import NOW, a_session, a_start, calls, completed, heard, responded, said

START, END = LogLine("start", opens=True), LogLine("end", closes=True)
MORE = LogLine("more.")


def whole_run(log: MemoryEventLog, session_id: str) -> None:
    """Write a run from start to end into a new session."""
    log.append(session_id, 0, (START, END))


def test_lines_are_read_back_in_order_from_anywhere() -> None:
    log = MemoryEventLog()

    assert log.append("a", 0, (START, MORE)) == 2
    assert log.append("a", 2, (END,)) == 3

    assert log.read("a") == (START, MORE, END)
    assert log.read("a", after=2) == (END,)
    assert log.read("a", after=9) == log.read("unknown") == ()


@pytest.mark.parametrize(("expected_seq", "actual_seq", "session_id"), [(0, 1, "a"), (2, 1, "a"), (1, 0, "unknown")])
def test_a_writer_that_is_behind_or_ahead_loses_and_nothing_is_written(expected_seq: int, actual_seq: int, session_id: str) -> None:
    log = MemoryEventLog()
    log.append("a", 0, (START,))

    with pytest.raises(JournalConflictError) as caught:
        log.append(session_id, expected_seq, (MORE,))

    assert (caught.value.actual_seq, caught.value.session_id) == (actual_seq, session_id)
    assert (log.read("a"), log.session_ids()) == ((START,), ("a",))


def test_a_session_is_open_from_its_start_to_its_end_and_again_for_another_run() -> None:
    log = MemoryEventLog()
    assert log.is_open("a") is None

    log.append("a", 0, (START, MORE))
    assert (log.is_open("a"), log.open_sessions()) == (True, ("a",))
    log.append("a", 2, (MORE, END))
    assert (log.is_open("a"), log.open_sessions()) == (False, ())
    log.append("a", 4, (START,))
    assert (log.is_open("a"), log.open_sessions()) == (True, ("a",))


def test_an_end_and_a_new_start_in_one_append_leave_the_session_open() -> None:
    log = MemoryEventLog()

    log.append("a", 0, (START, END, START))

    assert log.is_open("a") is True


def test_the_session_that_ended_first_is_dropped_first() -> None:
    log = MemoryEventLog(max_sessions=2)
    log.append("a", 0, (START,))
    whole_run(log, "b")
    log.append("a", 1, (END,))

    whole_run(log, "c")

    assert log.session_ids() == ("a", "c")
    assert (log.read("b"), log.is_open("b")) == ((), None)


def test_a_session_with_a_later_run_is_as_young_as_that() -> None:
    log = MemoryEventLog(max_sessions=2)
    whole_run(log, "a")
    whole_run(log, "b")
    log.append("a", 2, (START, END))

    whole_run(log, "c")

    assert log.session_ids() == ("a", "c")


def test_a_session_that_is_open_is_never_dropped() -> None:
    log = MemoryEventLog(max_sessions=2)
    whole_run(log, "a")
    log.append("a", 2, (START,))
    log.append("b", 0, (START,))

    with pytest.raises(OverloadedError, match="the journal is full") as caught:
        log.append("c", 0, (START,))

    assert caught.value.retry_after == 1.0
    assert log.session_ids() == ("a", "b")


def test_bytes_are_bounded_as_utf_8() -> None:
    log = MemoryEventLog(max_bytes=9)
    log.append("a", 0, (LogLine("日本", opens=True), LogLine("é", closes=True)))

    log.append("b", 0, (LogLine("ab", opens=True),))

    assert log.session_ids() == ("b",)


def test_room_is_made_for_an_open_session_that_grows() -> None:
    log = MemoryEventLog(max_bytes=20)
    whole_run(log, "a")
    log.append("b", 0, (START, MORE))

    log.append("b", 2, (MORE,))

    assert (log.session_ids(), len(log.read("b"))) == (("b",), 3)


def test_a_session_makes_no_room_for_itself() -> None:
    log = MemoryEventLog(max_bytes=12)
    whole_run(log, "a")

    with pytest.raises(OverloadedError):
        log.append("a", 2, (LogLine("x" * 10, opens=True),))

    assert log.read("a") == (START, END)


def test_the_writer_of_a_dropped_session_is_told_that_it_lost() -> None:
    log = MemoryEventLog(max_sessions=1)
    whole_run(log, "a")
    whole_run(log, "b")

    with pytest.raises(JournalConflictError) as caught:
        log.append("a", 2, (START,))

    assert caught.value.actual_seq == 0


LINES = st.sampled_from([START, MORE, END])
APPENDS = st.lists(st.tuples(st.sampled_from("abcdef"), st.lists(LINES, min_size=1, max_size=3).map(tuple)), max_size=40)


@given(appends=APPENDS, max_sessions=st.integers(1, 4), max_bytes=st.integers(10, 60))
def test_whatever_is_written_the_bounds_hold_and_open_sessions_stay_whole(
    appends: list[tuple[str, tuple[LogLine, ...]]], max_sessions: int, max_bytes: int
) -> None:
    log = MemoryEventLog(max_sessions=max_sessions, max_bytes=max_bytes)
    written: dict[str, tuple[LogLine, ...]] = {}

    for session_id, lines in appends:
        before = log.read(session_id)
        was_open = log.open_sessions()
        try:
            log.append(session_id, len(before), lines)
        except OverloadedError:
            assert log.read(session_id) == before
        else:
            written[session_id] = before + lines
        kept = {session: log.read(session) for session in log.session_ids()}
        assert len(kept) <= max_sessions
        assert sum(len(line.json) for lines in kept.values() for line in lines) <= max_bytes
        assert kept.items() <= written.items()
        assert set(was_open) <= kept.keys()


def test_a_line_knows_whether_it_opens_or_closes_a_run() -> None:
    ended = RunEnded(run_id="run-1", status="completed", at=NOW)
    lines = [to_line(event) for event in (a_start(), heard("x"), ended)]

    assert [(line.opens, line.closes) for line in lines] == [(True, False), (False, False), (False, True)]
    assert from_line(lines[2]) == ended


@pytest.mark.anyio
async def test_a_journal_gives_back_the_events_it_was_given() -> None:
    journal = MemoryJournal()
    events: list[Event] = [a_start(), responded(1, calls("a:look")), completed("a", {"n": [1, None]}), responded(2, said("42"))]

    await journal.append("session", 0, events[:1])
    await journal.append("session", 1, events[1:])

    assert await journal.read("session") == tuple(events)
    assert await journal.read("session", after=3) == tuple(events[3:])
    assert a_session(*(await journal.read("session"))[1:]) == a_session(*events[1:])


@pytest.mark.anyio
async def test_a_second_writer_of_a_journal_loses() -> None:
    journal = MemoryJournal(MemoryEventLog())
    await journal.append("session", 0, [a_start()])

    with pytest.raises(JournalConflictError):
        await journal.append("session", 0, [a_start()])
