"""Finished runs in a file, one JSON line each, so that a simulation that was stopped goes on where it was.

A run is known by its scenario and its agent, both whole: a change in either makes it another run. A line is written at once and
never changed; a last line that was cut off, as by a crash, is cut away.
"""

import json
import threading
from pathlib import Path

from pydantic import ValidationError

from ..canonical import digest
from ..exceptions import LLMConfigurationError
from ..runs import RUN_SPEC, RunSpec
from .scenario import SCENARIO, Scenario
from .scenario_result import SCENARIO_RESULT, ScenarioResult

HEADING = '{"polaris_llm_manifest": 1}'
"""The first line, so that no other file is written to."""


def run_key(scenario: Scenario, agent: RunSpec) -> str:
    """What a run is known by."""
    return digest({"scenario": SCENARIO.dump_python(scenario, mode="json"), "agent": RUN_SPEC.dump_python(agent, mode="json")})


class Manifest:
    """A file of finished runs; raises LLMConfigurationError for a file that is something else, or cannot be read or written."""

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._writing = threading.Lock()
        self._finished = self._read()

    def __len__(self) -> int:
        return len(self._finished)

    def finished(self, key: str) -> ScenarioResult | None:
        """The result of a run that is finished already."""
        return self._finished.get(key)

    def add(self, key: str, result: ScenarioResult) -> None:
        """Keep a finished run; it is in the file when this returns."""
        line = f'{{"key": {json.dumps(key)}, "result": {SCENARIO_RESULT.dump_json(result).decode()}}}\n'
        with self._writing:
            self._write(line)
            self._finished[key] = result

    def _write(self, line: str) -> None:
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(line)
        except OSError as error:
            raise self._error(f"cannot be written: {error.strerror}; name a file in a folder that can be written to") from None

    def _read(self) -> dict[str, ScenarioResult]:
        try:
            lines = self._path.read_text(encoding="utf-8").split("\n")
        except FileNotFoundError:
            lines = [""]
        except (OSError, UnicodeDecodeError) as error:
            raise self._error(f"cannot be read: {error}; name a manifest, or a new file") from None
        if len(lines) == 1 and HEADING.startswith(lines[0]):
            self._write(f"{HEADING}\n"[len(lines[0]) :])
            return {}
        if lines[0] != HEADING:
            raise self._error("is no manifest of a simulation: name another file, or a new one")
        self._cut_off(lines[-1])
        return dict(self._parsed(number, line) for number, line in enumerate(lines[1:-1], start=2))

    def _cut_off(self, rest: str) -> None:
        """Removes what no line break follows: it was never whole."""
        if rest:
            with self._path.open("r+b") as file:
                file.truncate(self._path.stat().st_size - len(rest.encode()))

    def _parsed(self, number: int, line: str) -> tuple[str, ScenarioResult]:
        try:
            entry = json.loads(line)
            return str(entry["key"]), SCENARIO_RESULT.validate_python(entry["result"])
        except (ValueError, TypeError, KeyError, ValidationError):
            raise self._error(f"line {number} is no finished run of this version: remove the line, or name a new file") from None

    def _error(self, problem: str) -> LLMConfigurationError:
        return LLMConfigurationError(f"{self._path}: {problem}", config_key="manifest", config_value=str(self._path))
