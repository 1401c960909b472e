"""What came of one scenario: all of it, or why it could not be run to its end."""

from dataclasses import dataclass
from typing import Literal

from pydantic import TypeAdapter

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
    kind: Literal["finished"] = "finished"

    @property
    def scenario(self) -> Scenario:
        """What was run."""
        return self.loop.scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioFailure:
    """A scenario that could not be run to its end."""

    scenario: Scenario
    error: ErrorRecord
    kind: Literal["failed"] = "failed"


SCENARIO_RESULT: TypeAdapter[ScenarioResult] = TypeAdapter(ScenarioResult)
