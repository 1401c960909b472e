"""When a tool pool grows, when it shrinks, and when it does neither."""

from hypothesis import given
from hypothesis import strategies as st

from polaris_llm.core.pool_settings import PoolSettings, ToolPoolSettings
from polaris_llm.core.pool_size import PoolSize

POOL = PoolSettings(workers=1, max_workers=5, calls_per_worker=4, grow_after_s=10, shrink_after_s=60)
LEASE_S = 1000.0


def test_a_pool_grows_to_what_its_calls_need_once_they_have_needed_it_for_the_delay() -> None:
    size = PoolSize(POOL, 1, report_lease_s=LEASE_S)
    size.report("host", 9, now=0)

    assert [size.settle(now) for now in (0, 9.9, 10, 11)] == [1, 1, 3, 3]


def test_a_burst_that_is_over_before_the_delay_makes_nothing_grow() -> None:
    size = PoolSize(POOL, 1, report_lease_s=LEASE_S)

    for now in range(0, 100, 5):
        size.report("host", 20 if now % 10 else 0, now)
        assert size.settle(now) == 1


def test_the_first_worker_of_an_empty_pool_comes_at_once_and_the_last_goes_after_the_delay() -> None:
    size = PoolSize(ToolPoolSettings(workers=0, max_workers=5, grow_after_s=10, shrink_after_s=60), 0, report_lease_s=LEASE_S)
    settled = []

    for now, calls in ((0, 0), (1, 9), (2, 9), (11, 9), (12, 0), (71, 0), (72, 0)):
        size.report("host", calls, now)
        settled.append(size.settle(now))

    assert settled == [0, 1, 1, 3, 3, 3, 0]


def test_the_calls_of_all_callers_count() -> None:
    size = PoolSize(POOL, 1, report_lease_s=LEASE_S)
    for host in ("a", "b", "c"):
        size.report(host, 4, now=0)
    size.settle(0)

    assert size.settle(10) == 3


def test_a_pool_shrinks_only_after_its_delay_and_to_the_most_that_was_wanted_during_it() -> None:
    size = PoolSize(POOL, 5, report_lease_s=LEASE_S)
    settled = []

    for now, calls in ((0, 0), (30, 12), (59, 1), (60, 1), (119, 1), (120, 1)):
        size.report("host", calls, now)
        settled.append(size.settle(now))

    assert settled == [5, 5, 5, 3, 3, 3]
    assert size.settle(180) == 1


def test_a_caller_that_is_silent_for_its_lease_wants_nothing_any_more() -> None:
    size = PoolSize(POOL, 3, report_lease_s=3)
    size.report("host", 12, now=0)

    assert [size.settle(now) for now in (0, 3, 4, 63.9, 64)] == [3, 3, 3, 3, 1]


@given(
    present=st.integers(2, 6),
    reports=st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 10**6), st.floats(0, 100)), max_size=40),
)
def test_a_pool_never_leaves_its_bounds(present: int, reports: list[tuple[str, int, float]]) -> None:
    pool = PoolSettings(workers=2, max_workers=6, grow_after_s=5, shrink_after_s=20)
    size, now = PoolSize(pool, present, report_lease_s=30), 0.0

    for caller, calls, pause in reports:
        now += pause
        size.report(caller, calls, now)
        assert 2 <= size.settle(now) <= 6
