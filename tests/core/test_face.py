"""The package's face: names are imported when they are used, and type checkers see the same ones."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import polaris_llm

FACE = Path(polaris_llm.__file__)


@pytest.mark.parametrize("name", polaris_llm.__all__)
def test_every_public_name_is_what_its_home_calls_so(name: str) -> None:
    value = getattr(polaris_llm, name)

    assert getattr(value, "__name__", name) in (name, getattr(value, "__qualname__", name))


def test_type_checkers_see_the_same_names_at_the_same_homes() -> None:
    stub = ast.parse(FACE.with_suffix(".pyi").read_text(encoding="utf-8"))

    seen = {alias.name: node.module for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names}

    assert seen == vars(polaris_llm)["_HOMES"]
    assert sorted(seen) == polaris_llm.__all__


def test_unknown_names_are_attribute_errors() -> None:
    with pytest.raises(AttributeError, match="module 'polaris_llm' has no attribute 'LLMRuntim'"):
        _ = polaris_llm.LLMRuntim  # type: ignore[attr-defined]


def test_importing_the_face_imports_none_of_the_rooms() -> None:
    program = "import polaris_llm, sys; print([name for name in sys.modules if name.startswith('polaris_llm.')])"

    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True).stdout

    assert shown == "[]\n"
