"""The web farm request by request: a discrete-event simulation to hold the farm's equations against. All chance comes from a seed."""

import heapq
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

Service = Callable[[random.Random], float]
"""Draws the seconds of work of one request."""


def exponential(mean_s: float) -> Service:
    """Service times of an M/M/c queue."""
    return lambda rng: rng.expovariate(1 / mean_s)


def mixed(dimmer: float, optional_s: float, basic_s: float) -> Service:
    """Responses with the optional content, and without it."""
    return lambda rng: rng.expovariate(1 / (optional_s if rng.random() < dimmer else basic_s))


@dataclass(kw_only=True)
class Observed:
    """What was seen of the requests that left, or that were there."""

    responses_s: list[float] = field(default_factory=list)
    waited: int = 0

    @property
    def mean_response_s(self) -> float:
        """Of all that left."""
        return sum(self.responses_s) / len(self.responses_s)


def arrivals(rng: random.Random, rate: float, start_s: float, end_s: float) -> Iterator[float]:
    """The times of Poisson arrivals."""
    now = start_s + rng.expovariate(rate)
    while now < end_s:
        yield now
        now += rng.expovariate(rate)


def shared_queue(seed: int, servers: int, rate: float, service: Service, seconds: float) -> Observed:
    """One queue in front of all servers, first come, first served."""
    rng, observed = random.Random(seed), Observed()
    free_at = [0.0] * servers
    for now in arrivals(rng, rate, 0, seconds):
        begins = max(now, free_at[0])
        ends = begins + service(rng)
        heapq.heapreplace(free_at, ends)
        observed.responses_s.append(ends - now)
        observed.waited += begins > now
    return observed


@dataclass(kw_only=True)
class SharingServer:
    """A server that divides its processor evenly among its requests.

    Its clock counts the work that each of them got, so that a request leaves when the clock shows what it needs.
    """

    clock_s: float = 0.0
    since_s: float = 0.0
    """When the clock was right."""
    requests: list[tuple[float, float]] = field(default_factory=list)
    """A heap of the clock's reading at which each leaves, and when it came."""

    def serve_until(self, now: float) -> Iterator[float]:
        """Work on, and tell how long each request took that left meanwhile."""
        while self.requests:
            leaves_at, came = self.requests[0]
            leaves = self.since_s + (leaves_at - self.clock_s) * len(self.requests)
            if leaves > now:
                break
            heapq.heappop(self.requests)
            self.clock_s, self.since_s = leaves_at, leaves
            yield leaves - came
        if self.requests:
            self.clock_s += (now - self.since_s) / len(self.requests)
        self.since_s = now

    def take(self, work_s: float, came: float) -> None:
        """One more request."""
        heapq.heappush(self.requests, (self.clock_s + work_s, came))


class SharingFarm:
    """Servers of their own queues each; requests are dealt out round robin, or by chance as a Poisson stream is split."""

    def __init__(self, seed: int, servers: int, service: Service, *, round_robin: bool = False) -> None:
        self.now = 0.0
        self._rng = random.Random(seed)
        self._servers = [SharingServer() for _ in range(servers)]
        self._service = service
        self._round_robin = round_robin
        self._dealt = 0

    def run(self, rate: float, seconds: float) -> Observed:
        """Serve so long under this load; what was seen meanwhile."""
        observed, end_s = Observed(), self.now + seconds
        for came in arrivals(self._rng, rate, self.now, end_s):
            server = self._next()
            observed.responses_s += server.serve_until(came)
            server.take(self._service(self._rng), came)
        for server in self._servers:
            observed.responses_s += server.serve_until(end_s)
        self.now = end_s
        return observed

    @property
    def present(self) -> int:
        """Requests in the farm."""
        return sum(len(server.requests) for server in self._servers)

    def add_server(self) -> None:
        """One more works from now on."""
        self._servers.append(SharingServer(since_s=self.now))

    def fail_server(self) -> None:
        """One breaks; its requests go to the others, which serve what is left of them."""
        broken = self._servers.pop()
        for leaves_at, came in broken.requests:
            self._next().take(leaves_at - broken.clock_s, came)

    def _next(self) -> SharingServer:
        self._dealt += 1
        return self._servers[self._dealt % len(self._servers)] if self._round_robin else self._rng.choice(self._servers)
