"""Template files: what a directory may hold, what is refused, and that what is written is what is read."""

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polaris_llm.core.exceptions import LLMConfigurationError
from polaris_llm.core.flows import ConversationFlow
from polaris_llm.core.prompt_files import BUILT_IN, PromptSet, file_stamp, read_directory, write_file
from polaris_llm.core.prompt_templates import PromptTemplate


def test_both_endings_are_read_and_empty_files_hold_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("templates: [{name: one, template: '{x}'}]")
    (tmp_path / "b.yml").write_text("templates: [{name: two, text: 'two', version: 2.1, format: jinja}]\nflows:\n")
    (tmp_path / "c.yaml").write_text("")
    (tmp_path / "d.yaml").write_text("# nothing yet\n")
    (tmp_path / "e.txt").write_text("not: read")

    prompts = read_directory(tmp_path)

    assert prompts == PromptSet(
        templates={"one": PromptTemplate("one", "{x}"), "two": PromptTemplate("two", "two", version="2.1", format="jinja")}
    )


def test_flow_without_a_system_prompt_may_say_so(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("flows: [{flow_id: f, name: F, description: d, initial_prompt: go, system_prompt: null}]")

    assert read_directory(tmp_path).flows == {"f": ConversationFlow("f", "F", "d", "go")}


def test_later_file_wins(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text(f"templates: [{{name: same, template: from {name}}}]")

    assert read_directory(tmp_path).templates["same"].template == "from b.yaml"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("templates: [", "while parsing"),
        ("- a list", "valid dictionary"),
        ("template: []", "Extra inputs"),
        ("templates: [{name: a}]", "template"),
        ("templates: [{name: a, template: b, versoin: 1}]", "versoin"),
        ("templates: [{name: a, template: b, text: c}]", "text"),
        ("templates: [{name: a, template: b, format: mustache}]", "'brace' or 'jinja'"),
        ("templates: [{name: a, template: '{a.b}'}]", "template 'a': line 1: '{a.b}' is no variable"),
        ("templates: [{name: a, template: '{{ a', format: jinja}]", "template 'a': line 1: "),
        ("flows: [{flow_id: f, name: F, description: d}]", "initial_prompt"),
        ("flows: [{flow_id: f, name: F, description: d, initial_prompt: '{}'}]", "template 'flow f': line 1: '{}' is no variable"),
        (b"\xff\xfe\xfa", "decode"),
        ("!!python/object/apply:os.getcwd []", "could not determine a constructor"),
    ],
)
def test_file_that_is_wrong_is_refused_by_its_name(tmp_path: Path, content: str | bytes, reason: str) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())

    with pytest.raises(LLMConfigurationError) as caught:
        read_directory(tmp_path)

    assert caught.value.message.startswith(f"{path}: ")
    assert reason in caught.value.message
    assert caught.value.context == {"config_key": "template_directory", "config_value": str(path)}


def test_directory_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LLMConfigurationError, match="gone: this is no directory of template files"):
        read_directory(tmp_path / "gone")


def test_stamp_changes_with_the_files(tmp_path: Path) -> None:
    stamps = [file_stamp(tmp_path / "gone"), file_stamp(tmp_path)]

    path = tmp_path / "a.yaml"
    path.write_text("")
    stamps.append(file_stamp(tmp_path))
    os.utime(path, ns=(1, 1))
    stamps.append(file_stamp(tmp_path))
    path.write_text("templates:")
    os.utime(path, ns=(1, 1))
    stamps.append(file_stamp(tmp_path))

    assert stamps[:2] == [(), ()]
    assert len(set(stamps)) == 4
    assert file_stamp(tmp_path) == stamps[-1]


WORDS = st.text(min_size=1)
JSON = st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text())
TEMPLATES = st.builds(
    lambda name, text, variables, metadata, version: PromptTemplate(
        name, text.replace("{", "{{").replace("}", "}}"), variables, metadata, version=version
    ),
    *(WORDS, st.text(), st.lists(st.text()), JSON, st.text()),
)
FLOWS = st.builds(
    lambda flow_id, system, tools, criteria: ConversationFlow(flow_id, "F", "d", "go", system, tools, 3, criteria),
    *(WORDS, st.none() | st.text(alphabet="ab\n \t:#'\"-|>\x85\u2028"), st.lists(st.text()), JSON),
)


@given(st.lists(TEMPLATES, max_size=3), st.lists(FLOWS, max_size=3))
def test_what_is_written_is_what_is_read(templates: list[PromptTemplate], flows: list[ConversationFlow]) -> None:
    prompts = PromptSet(templates={each.name: each for each in templates}, flows={each.flow_id: each for each in flows})

    with tempfile.TemporaryDirectory() as directory:
        write_file(Path(directory) / "out.yaml", prompts)

        assert read_directory(Path(directory)) == prompts


def test_own_prompts_survive_the_round_trip(tmp_path: Path) -> None:
    own = read_directory(BUILT_IN)

    write_file(tmp_path / "deeper" / "out.yaml", own)

    assert own.templates
    assert own.flows
    assert read_directory(tmp_path / "deeper") == own


def test_texts_of_several_lines_are_written_for_people(tmp_path: Path) -> None:
    write_file(tmp_path / "out.yaml", PromptSet(templates={"a": PromptTemplate("a", "one\ntwo")}))

    assert "  template: |-\n    one\n    two\n" in (tmp_path / "out.yaml").read_text()


@pytest.mark.parametrize("metadata", [{"live": object()}, {"set": {1: object}}])
def test_what_yaml_cannot_hold_is_refused_and_nothing_is_written(tmp_path: Path, metadata: dict[str, object]) -> None:
    with pytest.raises(LLMConfigurationError, match=r"out\.yaml: "):
        write_file(tmp_path / "out.yaml", PromptSet(templates={"a": PromptTemplate("a", "text", metadata=metadata)}))

    assert list(tmp_path.iterdir()) == []


def test_file_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LLMConfigurationError, match="directory"):
        write_file(tmp_path, PromptSet())
