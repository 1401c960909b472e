"""A window that slides with the clock: exactly what was spent in its last seconds, so that no edge lets twice a limit through."""

import math
from collections import deque


class SlidingWindow:
    """What was spent in the last `seconds`, kept in slots of a thousandth of that, so that it stays small."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.total = 0
        self._slots: deque[list[int]] = deque()  # number of the slot, and what was spent in it

    @property
    def slots(self) -> int:
        """How many there are."""
        return len(self._slots)

    def forget(self, now: float) -> None:
        """Let go of what is no longer within the window."""
        while self._slots and self._ends_at(self._slots[0][0]) <= now:
            self.total -= self._slots.popleft()[1]

    def add(self, now: float, amount: int) -> None:
        """Count an amount from now on."""
        number = math.ceil(now / self.seconds * 1000)
        self.total += amount
        if self._slots and self._slots[-1][0] == number:
            self._slots[-1][1] += amount
        elif amount:
            self._slots.append([number, amount])

    def give_back(self, amount: int) -> None:
        """Take from the oldest first: what remains counts longest, so that never too much is allowed."""
        while amount > 0 and self._slots:
            taken = min(amount, self._slots[0][1])
            self._slots[0][1] -= taken
            self.total -= taken
            amount -= taken
            if not self._slots[0][1]:
                self._slots.popleft()

    def wait_s(self, now: float, amount: int, limit: int) -> float:
        """Seconds until `amount` more fits; what is larger than the limit fits when nothing else counts."""
        excess = self.total + amount - limit
        for number, spent in self._slots:
            if excess <= 0:
                return 0.0
            excess -= spent
            if excess <= 0 or number == self._slots[-1][0]:
                return max(0.0, self._ends_at(number) - now)
        return 0.0

    def empty_in_s(self, now: float) -> float:
        """Seconds until nothing counts any more, if nothing is added."""
        return max(0.0, self._ends_at(self._slots[-1][0]) - now) if self._slots else 0.0

    def _ends_at(self, number: int) -> float:
        return (number / 1000 + 1) * self.seconds
