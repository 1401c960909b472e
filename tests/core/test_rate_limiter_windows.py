"""Sliding windows: exact at every edge, small, and truthful about when there is room."""

from hypothesis import given
from hypothesis import strategies as st

from polaris_llm.core.sliding_window import SlidingWindow


@given(st.lists(st.tuples(st.floats(0, 30), st.integers(0, 5)), max_size=60), st.integers(1, 12))
def test_no_window_ever_holds_more_than_its_limit(steps: list[tuple[float, int]], limit: int) -> None:
    window, now, passed = SlidingWindow(60.0), 1000.0, list[tuple[float, int]]()
    for pause, amount in steps:
        now += pause
        window.forget(now)
        if window.wait_s(now, amount, limit) == 0:
            window.add(now, amount)
            passed.append((now, amount))

    for start, _ in passed:
        within = [amount for at, amount in passed if start <= at < start + 60]
        assert sum(within) <= limit or len([amount for amount in within if amount]) == 1


@given(st.lists(st.tuples(st.floats(0, 30), st.integers(1, 5)), min_size=1, max_size=30), st.integers(1, 5), st.integers(1, 12))
def test_after_the_wait_that_was_told_there_is_room(steps: list[tuple[float, int]], amount: int, limit: int) -> None:
    window, now = SlidingWindow(60.0), 1000.0
    for pause, spent in steps:
        now += pause
        window.forget(now)
        window.add(now, spent)

    for _ in range(3):  # what floating point leaves over is slept in a second turn
        now += window.wait_s(now, amount, limit)
        window.forget(now)

    assert window.wait_s(now, amount, limit) == 0


def test_a_window_stays_small_however_much_passes() -> None:
    window = SlidingWindow(60.0)

    for moment in range(20_000):
        window.forget(moment / 100)
        window.add(moment / 100, 1)

    assert window.slots <= 1001
    assert 5_990 <= window.total <= 6_010
