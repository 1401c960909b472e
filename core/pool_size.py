"""How many workers a tool pool should have: a rule over numbers and times, without any actor."""

import math

from .pool_settings import PoolSettings


class PoolSize:
    """The size of one pool, as its callers' reports want it.

    The policy is Ray Serve's, https://docs.ray.io/en/latest/serve/advanced-guides/advanced-autoscaling.html: as many workers as
    the calls under way and waiting need at so many each, but only once more, or fewer, were wanted without a break for a
    delay; the first worker of an empty pool comes at once. Unlike Serve's, a pool that shrinks keeps as many as were ever
    wanted during the delay.
    """

    def __init__(self, pool: PoolSettings, workers: int, *, report_lease_s: float) -> None:
        self.workers = workers
        """How many there should be now."""
        self._pool = pool
        self._report_lease_s = report_lease_s
        self._reports: dict[str, tuple[int, float]] = {}
        self._more_since: float | None = None
        self._fewer_since: float | None = None
        self._most_wanted = 0

    def report(self, caller: str, calls: int, now: float) -> None:
        """So many calls of this caller are under way or wait; that holds for the lease of a report."""
        self._reports[caller] = (calls, now)

    def settle(self, now: float) -> int:
        """How many workers there should be from now on."""
        wanted = self._wanted(now)
        if wanted > self.workers:
            self._fewer_since, self._more_since = None, now if self._more_since is None else self._more_since
            if now - self._more_since >= self._pool.grow_after_s:
                self._become(wanted)
            elif self.workers == 0:
                self.workers = 1
        elif wanted < self.workers:
            self._more_since = None
            self._consider_fewer(wanted, now)
        else:
            self._become(wanted)
        return self.workers

    def _wanted(self, now: float) -> int:
        self._reports = {caller: report for caller, report in self._reports.items() if now - report[1] <= self._report_lease_s}
        calls = sum(calls for calls, _ in self._reports.values())
        return min(max(math.ceil(calls / self._pool.calls_per_worker), self._pool.workers), self._pool.most_workers)

    def _consider_fewer(self, wanted: int, now: float) -> None:
        if self._fewer_since is None:
            self._fewer_since, self._most_wanted = now, wanted
        self._most_wanted = max(self._most_wanted, wanted)
        if now - self._fewer_since >= self._pool.shrink_after_s:
            self._become(self._most_wanted)

    def _become(self, workers: int) -> None:
        self.workers = workers
        self._more_since = self._fewer_since = None
