"""What is shipped is what stands in the tree: the wheel, the sdist, the wheel built from it, and the command."""

import shutil
import subprocess
import sys
import tarfile
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = {"actors", "core", "templates"}
LEFT_BEHIND = shutil.ignore_patterns(".*", "__pycache__", "build", "dist", "*.egg-info")


def run_python(*arguments: str, cwd: Path) -> str:
    """What a fresh interpreter prints; it must succeed."""
    outcome = subprocess.run([sys.executable, *arguments], cwd=cwd, capture_output=True, text=True, timeout=100, check=False)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    return outcome.stdout


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project, so that builds leave nothing in the original."""
    return shutil.copytree(ROOT, tmp_path_factory.mktemp("project") / "polaris-llm", symlinks=True, ignore=LEFT_BEHIND)


@pytest.fixture(scope="module")
def wheel(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of the tree."""
    target = tmp_path_factory.mktemp("wheel")
    run_python("-m", "build", "--no-isolation", "--wheel", "--outdir", str(target), ".", cwd=tree)
    return next(target.glob("*.whl"))


@pytest.fixture(scope="module")
def distributions(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel that is built from it."""
    target = tmp_path_factory.mktemp("distributions")
    run_python("-m", "build", "--no-isolation", "--outdir", str(target), ".", cwd=tree)
    return target


def shipped(wheel: Path) -> set[str]:
    """The files of a wheel, but for its metadata."""
    return {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}


def test_the_wheel_holds_every_file_of_the_package_and_no_other(wheel: Path, tree: Path) -> None:
    own = {*(tree / "polaris_llm").glob("*.*"), *(tree / "polaris_llm/cli").glob("*")}
    face = {str(path.relative_to(tree)) for path in own}
    rooms = {f"polaris_llm/{path.relative_to(tree)}" for room in ROOMS for path in (tree / room).rglob("*") if path.is_file()}

    assert shipped(wheel) == face | rooms


def test_the_wheel_tells_type_checkers_that_it_is_typed_and_brings_the_templates(wheel: Path) -> None:
    names = shipped(wheel)

    assert {"polaris_llm/py.typed", "polaris_llm/__init__.pyi"} <= set(names)
    assert any(name.startswith("polaris_llm/templates/") and name.endswith(".yaml") for name in names)


def test_the_wheel_built_from_the_sdist_is_the_same(wheel: Path, distributions: Path) -> None:
    assert shipped(next(distributions.glob("*.whl"))) == shipped(wheel)


def test_the_sdist_holds_no_tests(distributions: Path) -> None:
    with tarfile.open(next(distributions.glob("*.tar.gz"))) as sdist:
        rooms = {Path(name).parts[1] for name in sdist.getnames() if len(Path(name).parts) > 2}

    assert rooms == {"polaris_llm", "polaris_llm.egg-info"}


def test_an_unpacked_wheel_is_imported_without_the_tree(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)

    where = run_python("-c", "import polaris_llm.core.exceptions as module; print(module.__file__)", cwd=tmp_path)

    assert Path(where.strip()) == tmp_path / "polaris_llm/core/exceptions.py"


def test_the_package_is_a_command(tmp_path: Path) -> None:
    assert version("polaris-llm") in run_python("-m", "polaris_llm", "--version", cwd=tmp_path)
