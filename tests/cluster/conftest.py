"""One runtime on one local Ray for the whole folder, started by the package's own code; tests bring their own names."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from polaris_llm.actors.runtime import LLMRuntime
from support.cluster_gates import Gate
from support.cluster_runtime import TESTS, new_name, settings_of

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """This folder comes last: its Ray, and the environment that Ray needs, stay until the session ends."""
    items.sort(key=lambda item: item.path.is_relative_to(HERE))


@pytest.fixture(scope="session")
def python_path() -> Iterator[None]:
    """Every process that is started from here on can import what tests import."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PYTHONPATH", TESTS, prepend=os.pathsep)
        yield


@pytest.fixture(scope="session")
def runtime(python_path: None) -> Iterator[LLMRuntime]:
    """The shared runtime; tests may kill its actors, which are replaced, but not end it."""
    with LLMRuntime.start(settings_of(new_name(), caching={"enabled": True}, runtime={"lease_s": 12.0})) as runtime:
        yield runtime


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    """A gate that is shut; it is opened after the test, so that nobody stands there for long."""
    gate = Gate(tmp_path)
    yield gate
    gate.open()
