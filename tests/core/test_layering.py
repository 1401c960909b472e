"""The floors of the house: which file may import what, and that everything but the Ray engine lives without Ray."""

import ast
import socket
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from importlib.util import resolve_name
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAIL = frozenset({"in_hand", "lines", "links", "mailbox", "messages", "names", "outbox"})
ENGINES = frozenset({"engine", "inline_engine", "keeping", "ray_address", "ray_engine"})
POST = MAIL | ENGINES
"""How messages travel, and how actors are made and ended."""
ACTORS = frozenset({"cache", "callers", "conversation", "journal", "pools", "provider", "scenarios", "supervisor", "tools"})
"""What answers them. All other files of the room are clients of these, or wire them."""
HOMES = {
    "ray": "polaris_llm.actors.ray_",
    "httpx": "polaris_llm.core.providers.transport",
    "httpx_aiohttp": "polaris_llm.core.providers.transport",
    "aiohttp": "polaris_llm.core.providers.transport",
    "sqlite3": "polaris_llm.core.storage.",
    "redis": "polaris_llm.core.storage.",
}
"""Where alone a library is imported: in modules whose names begin so."""


def module_name(path: Path) -> str:
    """The name that a source file of the package is imported by."""
    return ".".join(part for part in path.relative_to(ROOT).with_suffix("").parts if part != "__init__")


PACKAGE = ROOT / "polaris_llm"
SOURCES = (*PACKAGE.glob("*.py"), *(PACKAGE / "cli").glob("*.py"), *(PACKAGE / "core").rglob("*.py"), *(PACKAGE / "actors").rglob("*.py"))
MODULES = {module_name(path): path for path in SOURCES}


def imported(module: str) -> Iterator[str]:
    """Every module that a module imports anywhere in its text, by its full name."""
    path = MODULES[module]
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = resolve_name("." * node.level + (node.module or ""), package)
            inner = {f"{base}.{alias.name}" for alias in node.names} & MODULES.keys()
            yield from inner or {base}


IMPORTS = {module: set(imported(module)) for module in MODULES}


def run_python(*arguments: str) -> subprocess.CompletedProcess[str]:
    """What a fresh interpreter at the root of the project makes of its arguments."""
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_everything_but_the_ray_engine_is_imported_without_ray() -> None:
    names = sorted(name for name in MODULES if not name.startswith(HOMES["ray"]))
    program = "import importlib, sys; sys.modules['ray'] = None; [importlib.import_module(name) for name in sys.argv[1:]]"

    outcome = run_python("-c", program, *names)

    assert (outcome.returncode, outcome.stderr) == (0, "")


def test_importing_the_package_does_not_import_ray() -> None:
    outcome = run_python("-c", "import polaris_llm, sys; print('ray' in sys.modules)")

    assert (outcome.stdout, outcome.stderr) == ("False\n", "")


@pytest.mark.parametrize("library", HOMES)
def test_a_library_is_imported_at_its_home_only(library: str) -> None:
    users = {module for module, names in IMPORTS.items() if any(name.split(".")[0] == library for name in names)}

    assert {module for module in users if not module.startswith(HOMES[library])} == set()


def test_core_does_not_import_actors() -> None:
    core = {module: names for module, names in IMPORTS.items() if module.startswith("polaris_llm.core")}

    assert {module: names for module, names in core.items() if any(name.startswith("polaris_llm.actors") for name in names)} == {}


@pytest.mark.parametrize("room", [POST, ACTORS], ids=["post", "actors"])
def test_actors_know_the_post_and_not_each_other(room: frozenset[str]) -> None:
    imports = {name: IMPORTS[f"polaris_llm.actors.{name}"] for name in room}
    allowed = {f"polaris_llm.actors.{name}" for name in POST}

    strays = {
        name: stray
        for name, modules in imports.items()
        if (stray := {module for module in modules if module.startswith("polaris_llm.actors")} - allowed)
    }

    assert strays == {}


def test_imports_inside_the_package_are_relative() -> None:
    absolute = ("import polaris_llm", "from polaris_llm")

    assert [name for name, path in MODULES.items() for line in path.read_text().splitlines() if line.strip().startswith(absolute)] == []


def test_no_imports_go_in_circles() -> None:
    try:
        TopologicalSorter({module: names & MODULES.keys() for module, names in IMPORTS.items()}).prepare()
    except CycleError as error:
        pytest.fail(" <- ".join(error.args[1]))


@pytest.mark.parametrize("room", ["core", "actors"])
def test_a_room_is_not_imported_under_its_bare_name(room: str) -> None:
    outcome = run_python("-c", f"import {room}")

    assert f"ImportError: import polaris_llm.{room}, not {room}" in outcome.stderr


def test_a_test_of_this_folder_that_leaves_its_process_fails() -> None:
    with socket.socket() as probe, pytest.raises(RuntimeError, match=r"stay pure, but this test did socket\.connect"):
        probe.connect(("127.0.0.1", 9))

    with pytest.raises(RuntimeError, match=r"stay pure, but this test did import"):
        sys.audit("import", "ray", None, None, None, None)  # as the import of a module that no other test has imported
