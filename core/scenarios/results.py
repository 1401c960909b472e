"""What came of a simulation: one result per scenario, also for those that failed."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ..exceptions import ErrorRecord
from ..runs import RunOutcome
from .control_loop import ControlLoop
from .report import ScenarioRow
from .scenario import Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioResult:
    """A scenario that was run to its end: its row, and every decision with its session's outcome."""

    row: ScenarioRow
    loop: ControlLoop
    outcomes: tuple[RunOutcome, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioFailure:
    """A scenario that could not be run to its end."""

    scenario: Scenario
    error: ErrorRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationResults:
    """All results of a simulation, in the order of its scenarios."""

    simulation_id: str
    results: tuple[ScenarioResult | ScenarioFailure, ...]
    wall_s: float

    @property
    def finished(self) -> tuple[ScenarioResult, ...]:
        """Those that ran to their end."""
        return tuple(result for result in self.results if isinstance(result, ScenarioResult))

    @property
    def failures(self) -> tuple[ScenarioFailure, ...]:
        """Those that did not."""
        return tuple(result for result in self.results if isinstance(result, ScenarioFailure))

    def rows(self) -> Sequence[ScenarioRow]:
        """The rows of those that ran to their end."""
        return [result.row for result in self.finished]

    def problems(self) -> dict[str, int]:
        """Why decisions came to nothing, and how often, the most frequent first."""
        decisions = (record.decision for result in self.finished for record in result.loop.records)
        return dict(Counter(decision.problem for decision in decisions if decision.problem is not None).most_common())
