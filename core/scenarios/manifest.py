"""Finished runs in a file, one JSON line each, so that a simulation that was stopped goes on where it was.

A run is known by its scenario and its agent, both whole, and by the model's endpoint: a change in any makes it another run. A line is
written at once and never changed; a last line that was cut off, as by a crash, does not count, and is cut away before the next is
written.
"""

import contextlib
import json
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import JsonValue, ValidationError

from ..canonical import digest
from ..exceptions import LLMConfigurationError
from ..runs import RUN_SPEC, RunSpec
from .scenario import SCENARIO, Scenario
from .scenario_result import SCENARIO_RESULT, ScenarioResult

HEADING = '{"polaris_llm_manifest": 2}'
"""The first line, so that no other file is written to."""
EARLIER = '{"polaris_llm_manifest": 1}'
"""Of manifests whose keys know the provider's name alone, which may mean another model today: they are read, and not added to."""


def run_key(scenario: Scenario, agent: RunSpec, endpoint: Mapping[str, JsonValue]) -> str:
    """What a run is known by; the endpoint is that of the agent's provider, see ProviderSettings."""
    whole = {"scenario": SCENARIO.dump_python(scenario, mode="json"), "agent": RUN_SPEC.dump_python(agent, mode="json")}
    return digest({**whole, "endpoint": dict(endpoint)})


def is_manifest(path: Path) -> bool:
    """Whether a file begins as a manifest does."""
    with path.open("rb") as file:
        return file.readline().rstrip(b"\n").decode(errors="replace") in (HEADING, EARLIER)


def read_runs(path: Path) -> dict[str, ScenarioResult]:
    """The finished runs of a manifest by their keys; raises LLMConfigurationError for a file that is something else."""
    heading, *lines = _text_of(path).split("\n")
    if heading not in (HEADING, EARLIER) and (lines or not HEADING.startswith(heading)):
        raise _error(path, "is no manifest of a simulation: name another file, or a new one")
    return dict(_parsed(path, number, line) for number, line in enumerate(lines[:-1], start=2))


class Manifest:
    """A file of finished runs to add to; raises LLMConfigurationError for one that is something else, or cannot be read or written.

    One of an earlier version is something else, too.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._writing = threading.Lock()
        self._finished = read_runs(self._path)
        self._require_present()
        self._make_whole()

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

    def _require_present(self) -> None:
        if _text_of(self._path).startswith(f"{EARLIER}\n"):
            problem = "is a manifest of an earlier version, which does not tell by which model its runs were decided"
            raise _error(self._path, f"{problem}: name a new file; the results of this one can still be read")

    def _make_whole(self) -> None:
        """Cuts away what no line break follows, for it was never whole, and writes the heading where there is none."""
        whole, line_break, rest = _text_of(self._path).rpartition("\n")
        if rest:
            with _writing(self._path), self._path.open("r+b") as file:
                file.truncate(len((whole + line_break).encode()))
        if not whole:
            self._write(f"{HEADING}\n")

    def _write(self, line: str) -> None:
        with _writing(self._path), self._path.open("a", encoding="utf-8") as file:
            file.write(line)


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _error(path, f"cannot be written: {error.strerror}; name a file in a folder that can be written to") from None


def _text_of(path: Path) -> str:
    try:
        return path.read_bytes().decode() if path.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise _error(path, f"cannot be read: {error}; name a manifest, or a new file") from None


def _parsed(path: Path, number: int, line: str) -> tuple[str, ScenarioResult]:
    try:
        entry = json.loads(line)
        return str(entry["key"]), SCENARIO_RESULT.validate_python(entry["result"])
    except (ValueError, TypeError, KeyError, ValidationError):
        raise _error(path, f"line {number} is no finished run of this version: remove the line, or name a new file") from None


def _error(path: Path, problem: str) -> LLMConfigurationError:
    return LLMConfigurationError(f"{path}: {problem}", config_key="manifest", config_value=str(path))
