"""What came of a simulation: one result per scenario, also for those that failed, and every way to take them away."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import JsonValue, TypeAdapter, ValidationError

from ..exceptions import LLMConfigurationError
from ..runs import RunOutcome
from .comparison import Comparison, GroupSummary, compare, group_summaries
from .control_loop import PeriodRecord
from .html_report import TITLE, write_report
from .manifest import is_manifest, read_runs
from .report import ScenarioRow
from .row_table import RowTable
from .scenario import Scenario
from .scenario_result import ScenarioFailure, ScenarioResult


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationResults:
    """All results of a simulation, in the order of its scenarios."""

    simulation_id: str
    results: tuple[ScenarioResult | ScenarioFailure, ...]
    wall_s: float

    @classmethod
    def load(cls, path: str | Path) -> "SimulationResults":
        """The results that `to_json` wrote, or the finished runs of a manifest; raises LLMConfigurationError for another file."""
        file = Path(path)
        try:
            if is_manifest(file):
                return cls(simulation_id=file.stem, results=tuple(read_runs(file).values()), wall_s=0.0)
            return SIMULATION_RESULTS.validate_json(file.read_bytes())
        except OSError as error:
            problem = error.strerror or str(error)
        except ValidationError as error:
            first = error.errors()[0]
            problem = f"holds no results ({'.'.join(map(str, first['loc'])) or 'the file'}: {first['msg']})"
        message = f"{path}: {problem}; name a file that SimulationResults.to_json wrote, or a manifest"
        raise LLMConfigurationError(message, config_key="results", config_value=str(path))

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

    @property
    def runs(self) -> RowTable:
        """One row per run, those that failed included."""
        return RowTable.of(_run_record(result) for result in self.results)

    @property
    def decisions(self) -> RowTable:
        """One row per control period of each finished run."""
        return RowTable.of(
            _decision_record(result, record, outcome)
            for result in self.finished
            for record, outcome in zip(result.loop.records, result.outcomes, strict=True)
        )

    def to_dataframe(self) -> Any:  # a pandas.DataFrame
        """The runs; `decisions.to_dataframe()` has the decisions. Raises LLMConfigurationError where pandas is not installed."""
        return self.runs.to_dataframe()

    def to_csv(self, path: str | Path | None = None) -> str:
        """The runs; `decisions.to_csv()` has the decisions."""
        return self.runs.to_csv(path)

    def to_json(self, path: str | Path | None = None) -> str:
        """Everything, so that `load` gives the same results again; written to a file where one is named."""
        text = SIMULATION_RESULTS.dump_json(self).decode()
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    def to_html(self, path: str | Path, *, title: str = TITLE) -> Path:
        """The path of a page that tells all of it, and needs no network."""
        subtitle = f"{self.simulation_id}, {self.wall_s:.1f} s in all"
        return write_report(self.results, path, title=title, subtitle=subtitle)

    def summary(self) -> tuple[GroupSummary, ...]:
        """Every group beside its baselines, with confidence intervals over its seeds."""
        return group_summaries(self.rows())

    def compare(self, other: "SimulationResults") -> tuple[Comparison, ...]:
        """Utility here minus utility there, for each group of scenarios that both have, with confidence intervals over the seeds."""
        return compare(self.rows(), other.rows())


SIMULATION_RESULTS: TypeAdapter[SimulationResults] = TypeAdapter(SimulationResults)


def _run_record(result: ScenarioResult | ScenarioFailure) -> dict[str, JsonValue]:
    error = result.error.message if isinstance(result, ScenarioFailure) else None
    known: dict[str, JsonValue] = {**_identity(result.scenario), "status": result.kind, "error": error}
    if isinstance(result, ScenarioFailure):
        return known
    figures = {name: value for name, value in asdict(result.row).items() if name not in (*known, "variant")}
    return {**known, **figures, "tokens": result.row.tokens}


def _decision_record(result: ScenarioResult, record: PeriodRecord, outcome: RunOutcome) -> dict[str, JsonValue]:
    action, interval, state = record.decision.action, record.interval, record.state
    return {
        **_identity(result.scenario),
        "period": record.period,
        "action": action.action_type,
        "value": action.value,
        "reasoning": record.decision.reasoning,
        "problem": record.decision.problem,
        **asdict(interval),
        "failed_now": record.failed,
        "servers": state.active,
        "booting": len(state.booting),
        "broken": state.failed,
        "dimmer": state.dimmer,
        "backlog": state.backlog,
        "session_id": outcome.session_id,
        "status": outcome.status,
        "steps": outcome.steps,
        "tool_calls": outcome.tool_calls,
        "input_tokens": outcome.usage.input_tokens,
        "output_tokens": outcome.usage.output_tokens,
        "cache_hits": outcome.cache_hits,
        "cost_usd": outcome.cost_usd,
        "duration_s": outcome.duration_s,
    }


def _identity(scenario: Scenario) -> dict[str, JsonValue]:
    named: dict[str, JsonValue] = {"scenario": scenario.name, "group": scenario.group, "family": scenario.family}
    chosen = {path: json.dumps(value) if isinstance(value, list | dict) else value for path, value in scenario.variant.items()}
    return {**named, **chosen, "seed": scenario.seed, "repetition": scenario.repetition}
