"""Scenario files: YAML in, scenarios out. A grid of settings, seeds and repetitions make hundreds of one file.

The files of this package's own families stand in `families/`, each with comments that say what it is.
"""

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import JsonValue, ValidationError

from ..exceptions import LLMConfigurationError
from ..settings_errors import configuration_error
from ..settings_file import read_settings_file
from .scenario import Scenario
from .scenario_runs import scenario_of
from .scenario_sections import ScenarioSection

MAX_RUNS = 10_000
"""Of one file: a grid grows faster than one thinks."""
FAMILIES_FOLDER = Path(__file__).parent / "families"


@dataclass(frozen=True, slots=True, kw_only=True)
class GridPoint:
    """What a file says with one combination of the grid's values."""

    variant: dict[str, JsonValue]
    section: ScenarioSection


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioFile:
    """A scenario file that was read and found right."""

    source: str
    section: ScenarioSection
    """What it says before the grid."""
    points: tuple[GridPoint, ...]

    @classmethod
    def load(cls, source: str | Path, overrides: Mapping[str, JsonValue] | None = None) -> "ScenarioFile":
        """The file at a path, or the family of that name, which the package brings; `overrides` replace settings by their paths.

        Raises:
            LLMConfigurationError: With every setting that is wrong, its value, and what was expected.
        """
        path = _path(source)
        return cls.parse(read_settings_file(path, "scenario file"), str(source), folder=path.parent, overrides=overrides)

    @classmethod
    def parse(
        cls,
        content: Mapping[str, Any],  # JSON, checked here
        source: str = "scenario",
        *,
        folder: Path | None = None,
        overrides: Mapping[str, JsonValue] | None = None,
    ) -> "ScenarioFile":
        """As `load`, from what stands in a file; relative paths in it start at `folder`."""
        said = _with(content, overrides or {}, source)
        section = _checked(said, source, folder)
        points = tuple(GridPoint(variant=variant, section=_at(said, variant, source, folder)) for variant in _variants(section, source))
        return cls(source=source, section=section, points=points)

    @property
    def name(self) -> str:
        """The family."""
        return self.section.name

    @property
    def description(self) -> str:
        """What the file says it is."""
        return self.section.description

    @property
    def runs(self) -> int:
        """How many scenarios there are."""
        return len(self.points) * len(self.section.seeds) * self.section.repetitions

    def scenarios(self) -> tuple[Scenario, ...]:
        """Every grid point with every seed, each repeated; raises LLMConfigurationError for a replay that does not fit."""
        try:
            return tuple(
                scenario_of(point.section, point.variant, seed, repetition)
                for point in self.points
                for seed in point.section.seeds
                for repetition in range(1, point.section.repetitions + 1)
            )
        except ValueError as error:
            raise LLMConfigurationError(f"{self.source}: arrivals.replay {error}", config_key="arrivals.replay") from None


def shipped() -> tuple[str, ...]:
    """The names of the families that the package brings."""
    return tuple(sorted(path.stem for path in FAMILIES_FOLDER.glob("*.yaml")))


def scenario_schema() -> dict[str, Any]:  # a JSON schema
    """What a scenario file may say."""
    return ScenarioSection.model_json_schema()


def _path(source: str | Path) -> Path:
    path = Path(source)
    if path.suffix or path.is_file() or str(source) != path.name:
        return path
    if str(source) not in shipped():
        message = f"there is no scenario file {source!r} and no family of that name; families: {', '.join(shipped())}"
        raise LLMConfigurationError(message, config_key="scenario", config_value=str(source))
    return FAMILIES_FOLDER / f"{source}.yaml"


def _variants(section: ScenarioSection, source: str) -> list[dict[str, JsonValue]]:
    paths, values = list(section.grid), list(section.grid.values())
    for path, choices in section.grid.items():
        if len(set(map(repr, choices))) != max(1, len(choices)):
            found = "has no values" if not choices else f"has a value twice in {choices}"
            raise _error(f"{source}: grid.{path} {found}: give a list of one or more different values, or leave it out", f"grid.{path}")
    points = math.prod(map(len, values))
    runs = points * len(section.seeds) * section.repetitions
    if runs > MAX_RUNS:
        counts = f"{points} grid points x {len(section.seeds)} seeds x {section.repetitions} repetitions"
        raise _error(f"{source}: {counts} are {runs:,} runs, and one file may have {MAX_RUNS:,}: make several files of it", "grid")
    return [dict(zip(paths, combination, strict=True)) for combination in itertools.product(*values)]


def _at(content: dict[str, Any], variant: Mapping[str, JsonValue], source: str, folder: Path | None) -> ScenarioSection:
    fixed = [path for path in variant if path.split(".")[0] in ("name", "seeds", "repetitions", "grid")]
    if fixed:
        raise _error(f"{source}: grid.{fixed[0]} cannot vary: take it out of the grid", f"grid.{fixed[0]}")
    where = ", ".join(f"{path} = {value!r}" for path, value in variant.items())
    return _checked(_with(content, variant, source), f"{source}, with {where} of the grid" if where else source, folder)


def _checked(content: dict[str, Any], source: str, folder: Path | None) -> ScenarioSection:
    try:
        return ScenarioSection.model_validate(content, context={"folder": str(folder or ".")})
    except ValidationError as error:
        problems = error
    raise configuration_error(ScenarioSection, problems, source)


def _with(content: Mapping[str, Any], changes: Mapping[str, JsonValue], source: str) -> dict[str, Any]:
    """The content with settings replaced by their paths; sections on the way are made."""
    changed = dict(content)
    for path, value in changes.items():
        changed = _replaced(changed, path.split("."), value, f"{source}: {path}")
    return changed


def _replaced(content: Any, path: list[str], value: JsonValue, where: str) -> Any:  # JSON
    if not path:
        return value
    name, rest = path[0], path[1:]
    if isinstance(content, list | tuple):
        if not (name.isdecimal() and int(name) < len(content)):
            raise _error(f"{where}: {name!r} is no place in a list of {len(content)}: give a number from 0", where)
        return [_replaced(inner, rest, value, where) if index == int(name) else inner for index, inner in enumerate(content)]
    if not (content is None or isinstance(content, dict)):
        raise _error(f"{where}: {content!r} holds no settings, so {name!r} cannot stand in it: mend the path", where)
    inside = content or {}
    return {**inside, name: _replaced(inside.get(name), rest, value, where)}


def _error(message: str, key: str) -> LLMConfigurationError:
    return LLMConfigurationError(message, config_key=key)
