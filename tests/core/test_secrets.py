"""References to secrets are resolved late, and no error repeats what may be a key."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from polaris_llm.core.exceptions import LLMConfigurationError
from polaris_llm.core.secrets import resolve

KEY = "sk-live-4711"


def test_an_environment_variable_is_read() -> None:
    assert resolve("env:POLARIS_KEY", {"POLARIS_KEY": KEY}) == KEY


def test_the_environment_of_this_process_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLARIS_TEST_KEY", KEY)

    assert resolve("env:POLARIS_TEST_KEY") == KEY


def test_a_file_is_read_without_its_last_newline(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"{KEY}\n")

    assert resolve(f"file:{tmp_path / 'key'}") == KEY


def test_a_secret_passed_by_code_is_itself() -> None:
    assert resolve(SecretStr(KEY)) == KEY


def test_no_reference_is_no_secret() -> None:
    assert resolve(None) is None


@pytest.mark.parametrize("environ", [{}, {"POLARIS_KEY": ""}, {"POLARIS_KEY": " \n"}])
def test_an_unset_variable_is_named_with_the_remedy(environ: dict[str, str]) -> None:
    with pytest.raises(LLMConfigurationError, match=r"env:POLARIS_KEY: set the variable"):
        resolve("env:POLARIS_KEY", environ)


def test_a_missing_file_is_named_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(LLMConfigurationError, match=r"file:.*nowhere \(No such file or directory\): create it"):
        resolve(f"file:{tmp_path / 'nowhere'}")


def test_an_empty_file_is_named_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "key").touch()

    with pytest.raises(LLMConfigurationError, match="write the key into the file"):
        resolve(f"file:{tmp_path / 'key'}")


def test_a_file_that_is_not_text_is_refused_without_its_content(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"\xff" + KEY.encode())

    with pytest.raises(LLMConfigurationError, match="not a readable text file") as caught:
        resolve(f"file:{tmp_path / 'key'}")

    assert caught.value.__cause__ is None
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("literal", [KEY, "", "env:", "file: ", f"vault:{KEY}"])
def test_what_is_no_reference_is_refused_and_not_repeated(literal: str) -> None:
    with pytest.raises(LLMConfigurationError, match="expected env:NAME or file:PATH") as caught:
        resolve(literal)

    assert KEY not in f"{caught.value} {caught.value.context}"
