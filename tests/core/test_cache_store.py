"""The bounded store: time, room, order, figures."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from polaris_llm.core.bounded_store import BoundedStore


class Clock:
    """A clock that stands still until it is moved."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_value_is_there_until_its_time_is_over(clock: Clock) -> None:
    store = BoundedStore(clock=clock)
    store.put("a", b"1", ttl_s=10)

    clock.now = 9.9
    assert store.get("a") == b"1"
    clock.now = 10.0
    assert store.get("a") is None

    figures = store.statistics()
    assert (figures.hits, figures.misses, figures.expirations, figures.entries, figures.bytes_held) == (1, 1, 1, 0, 0)
    assert figures.hit_rate == 0.5


@pytest.mark.parametrize("ttl_s", [0, -1])
def test_a_value_of_no_time_is_not_kept(clock: Clock, ttl_s: float) -> None:
    store = BoundedStore(clock=clock)

    assert not store.put("a", b"1", ttl_s)
    assert len(store) == 0


def test_the_longest_unused_goes_first(clock: Clock) -> None:
    store = BoundedStore(max_entries=2, clock=clock)
    store.put("a", b"1", 10)
    store.put("b", b"2", 10)

    store.get("a")
    store.put("c", b"3", 10)

    assert [key for key, _ in store.items()] == ["a", "c"]
    assert store.statistics().evictions == 1


def test_room_is_counted_in_bytes_too(clock: Clock) -> None:
    store = BoundedStore(max_bytes=10, clock=clock)
    store.put("a", b"1234", 10)
    store.put("b", b"1234", 10)

    store.put("c", b"1", 10)

    assert [key for key, _ in store.items()] == ["b", "c"]


def test_what_is_larger_than_all_room_is_refused_and_makes_nothing_go(clock: Clock) -> None:
    store = BoundedStore(max_bytes=10, clock=clock)
    store.put("a", b"1", 10)

    assert not store.put("b", b"1" * 10, 10)
    assert store.get("a") == b"1"
    assert store.statistics().rejections == 1


def test_a_refused_value_does_not_leave_the_old_one_in_its_place(clock: Clock) -> None:
    store = BoundedStore(max_bytes=10, clock=clock)
    store.put("a", b"1", 10)

    store.put("a", b"1" * 10, 10)

    assert store.get("a") is None


def test_sweeping_forgets_what_is_over_and_nothing_else(clock: Clock) -> None:
    store = BoundedStore(clock=clock)
    store.put("a", b"1", 5)
    store.put("b", b"2", 15)

    clock.now = 10

    assert store.sweep() == 1
    assert [key for key, _ in store.items()] == ["b"]


def test_values_go_by_key_or_by_prefix(clock: Clock) -> None:
    store = BoundedStore(clock=clock)
    for key in ("x/1", "x/2", "y/1"):
        store.put(key, b"1", 10)

    assert store.remove("x/1")
    assert not store.remove("x/1")
    assert store.remove_prefix("x/") == 1
    assert store.remove_prefix("") == 1
    assert store.statistics().bytes_held == 0


KEYS = st.sampled_from(["a", "b", "c", "dd", "eee"])


class StoreAgainstModel(RuleBasedStateMachine):
    """A store does what a plain dictionary would, but for what its bounds make go."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.store = BoundedStore(max_entries=3, max_bytes=20, clock=self.clock)
        self.model: dict[str, tuple[bytes, float]] = {}

    @rule(key=KEYS, value=st.binary(max_size=25), ttl_s=st.floats(0, 10))
    def put(self, key: str, value: bytes, ttl_s: float) -> None:
        kept = self.store.put(key, value, ttl_s)
        if kept:
            self.model[key] = (value, self.clock.now + ttl_s)
        elif ttl_s > 0:
            self.model.pop(key, None)
        assert kept == (ttl_s > 0 and len(key) + len(value) <= 20)

    @rule(key=KEYS)
    def get(self, key: str) -> None:
        value = self.store.get(key)
        assert value is None or (value, True) == (self.model[key][0], self.model[key][1] > self.clock.now)

    @rule(key=KEYS, value=st.binary(max_size=10))
    def get_what_was_just_put(self, key: str, value: bytes) -> None:
        self.put(key, value, 5.0)
        assert self.store.get(key) == value

    @rule(key=KEYS)
    def remove(self, key: str) -> None:
        self.store.remove(key)
        self.model.pop(key, None)

    @rule(seconds=st.floats(0, 6))
    def pass_time(self, seconds: float) -> None:
        self.clock.now += seconds

    @rule()
    def sweep(self) -> None:
        self.store.sweep()
        assert all(entry.expires_at > self.clock.now for _, entry in self.store.items())

    @invariant()
    def bounds_hold_and_figures_agree(self) -> None:
        held = [len(key) + len(entry.value) for key, entry in self.store.items()]
        figures = self.store.statistics()
        assert len(held) <= 3
        assert sum(held) <= 20
        assert (figures.entries, figures.bytes_held) == (len(held), sum(held))


TestStoreAgainstModel = StoreAgainstModel.TestCase
TestStoreAgainstModel.settings = settings(max_examples=40, stateful_step_count=30)


@given(st.lists(st.tuples(KEYS, st.binary(max_size=30)), max_size=30), st.integers(0, 4), st.integers(0, 60))
def test_no_bound_is_ever_exceeded(puts: list[tuple[str, bytes]], max_entries: int, max_bytes: int) -> None:
    store = BoundedStore(max_entries, max_bytes, Clock())

    for key, value in puts:
        store.put(key, value, 1)
        figures = store.statistics()
        assert figures.entries <= max_entries
        assert figures.bytes_held <= max_bytes
