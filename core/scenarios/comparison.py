"""What results say beyond chance: each group of runs beside its baselines, and one set of results beside another.

The unit is the seed: repetitions of one seed are averaged first, for they meet the same load. Where both sides have a seed, they met
the same load as well, and the differences are taken seed by seed (paired); that makes the intervals much narrower.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from ..exceptions import LLMConfigurationError
from .estimates import Estimate, difference, estimate, paired_difference
from .report import ScenarioRow

BASELINE_COLUMNS = {"thresholds": "threshold_utility", "proactive": "proactive_utility", "do_nothing": "idle_utility"}
"""The column of a row with the utility of each baseline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupSummary:
    """All finished runs of a group beside the baselines, over its seeds."""

    group: str
    runs: int
    seeds: int
    utility: Estimate
    baselines: dict[str, Estimate]
    """The utility of each, by name."""
    gains: dict[str, Estimate]
    """How much more the agents earned than each, seed by seed."""
    better: dict[str, int]
    """Seeds with more utility than each."""
    late: Estimate
    """Control periods of one run over the SLA."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One group in two sets of results."""

    group: str
    ours: Estimate
    theirs: Estimate
    difference: Estimate
    """Ours minus theirs."""
    paired: bool
    """Whether the difference was taken seed by seed."""
    better: int | None
    """Seeds in which ours earned more; None where it is not paired."""


def group_summaries(rows: Sequence[ScenarioRow]) -> tuple[GroupSummary, ...]:
    """One for each group, in the order of their first rows."""
    return tuple(_group_summary(group, members) for group, members in _by_group(rows).items())


def compare(ours: Sequence[ScenarioRow], theirs: Sequence[ScenarioRow]) -> tuple[Comparison, ...]:
    """The groups that both have; raises LLMConfigurationError where there are none."""
    mine, others = _by_group(ours), _by_group(theirs)
    common = [group for group in mine if group in others]
    if not common:
        known = [", ".join(groups) or "none" for groups in (mine, others)]
        message = f"no scenario was finished in both results: {known[0]} here, {known[1]} there. Run the same scenario file for both"
        raise LLMConfigurationError(message, config_key="results")
    return tuple(_comparison(group, _by_seed(mine[group], "utility"), _by_seed(others[group], "utility")) for group in common)


def _comparison(group: str, ours: dict[int, float], theirs: dict[int, float]) -> Comparison:
    common = [seed for seed in ours if seed in theirs]
    paired = len(common) > 1 or ours.keys() == theirs.keys()
    pairs = [(ours[seed], theirs[seed]) for seed in common]
    apart = paired_difference(*zip(*pairs, strict=True)) if paired else difference([*ours.values()], [*theirs.values()])
    return Comparison(
        group=group,
        ours=estimate([*ours.values()]),
        theirs=estimate([*theirs.values()]),
        difference=apart,
        paired=paired,
        better=sum(mine > other for mine, other in pairs) if paired else None,
    )


def _group_summary(group: str, rows: Sequence[ScenarioRow]) -> GroupSummary:
    utility = [*_by_seed(rows, "utility").values()]
    earned = {name: [*_by_seed(rows, column).values()] for name, column in BASELINE_COLUMNS.items()}
    return GroupSummary(
        group=group,
        runs=len(rows),
        seeds=len(utility),
        utility=estimate(utility),
        baselines={name: estimate(values) for name, values in earned.items()},
        gains={name: paired_difference(utility, values) for name, values in earned.items()},
        better={name: sum(mine > other for mine, other in zip(utility, values, strict=True)) for name, values in earned.items()},
        late=estimate([*_by_seed(rows, "sla_violations").values()]),
    )


def _by_group(rows: Sequence[ScenarioRow]) -> dict[str, list[ScenarioRow]]:
    return {group: [row for row in rows if row.group == group] for group in dict.fromkeys(row.group for row in rows)}


def _by_seed(rows: Sequence[ScenarioRow], column: str) -> dict[int, float]:
    """The mean of a column over the repetitions of each seed."""
    return {seed: fmean(getattr(row, column) for row in rows if row.seed == seed) for seed in dict.fromkeys(row.seed for row in rows)}
