"""The defects of the original that the POLARIS contract lists: `data/mended_defects.json` says for each what a user sees now, and where.

A row's tests are looked up in the files, not imported: a test that was renamed or dropped is missed at once.
"""

import ast
import json
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
MENDED: dict[str, dict[str, object]] = json.loads((TESTS / "data" / "mended_defects.json").read_text(encoding="utf-8"))
ROWS = {*range(1, 67), 71, 72}
"""All but observability (67-70); of 63 to 66 what one process can do."""


def names_in(path: Path) -> set[str]:
    """The names of the test functions in a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = (node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return {function.name for function in functions if function.name.startswith("test_")}


def test_every_row_of_the_contract_is_there() -> None:
    assert {int(row) for row in MENDED} >= ROWS
    assert list(MENDED) == sorted(MENDED, key=int)


@pytest.mark.parametrize("row", MENDED)
def test_a_row_says_what_a_user_sees_and_its_tests_exist(row: str) -> None:
    assert MENDED[row].keys() == {"sees", "tests"}
    assert MENDED[row]["sees"]
    names = MENDED[row]["tests"]
    assert isinstance(names, list)
    assert names
    for name in names:
        path, _, test = name.partition("::")
        assert test in names_in(TESTS / path), f"row {row}: no test {name}"
