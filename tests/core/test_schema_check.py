"""Values held against a schema: what is told of them, and how much work that is."""

from pathlib import Path
from typing import Any

import pytest

from polaris_llm.core.exceptions import LLMConfigurationError
from polaris_llm.core.inference import ModelResponse
from polaris_llm.core.models import LLMResponse
from polaris_llm.core.parts import TextPart
from polaris_llm.core.response_parser import ResponseParser
from polaris_llm.core.runs import RunSpec
from polaris_llm.core.schema_check import SchemaCheck
from polaris_llm.core.verdicts import verdict_on

PERSON = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}


class CountedSchema(dict[str, Any]):
    """A schema that counts how often it is looked at; its copies count with it."""

    looks = 0

    def items(self) -> Any:
        CountedSchema.looks += 1
        return super().items()


def counted_person() -> CountedSchema:
    """PERSON, all looks at which are counted."""
    return CountedSchema(PERSON, properties=CountedSchema({"name": {"type": "string"}}))


def looks_by_a_run(text: str) -> int:
    """How often a run looks at its schema to judge the text."""
    CountedSchema.looks = 0
    spec = RunSpec(objective="answer", result_schema=counted_person())
    verdict_on(ModelResponse(model="m", parts=(TextPart(text=text),)), spec)
    return CountedSchema.looks


def looks_by_a_parser(text: str) -> int:
    """How often a parser looks at its schema to judge the text."""
    parser = ResponseParser()
    parser.register_custom_schema("person", counted_person())
    CountedSchema.looks = 0
    parser.parse_response(LLMResponse(text, "m", {}), "person")
    return CountedSchema.looks


def test_at_most_five_problems_are_told() -> None:
    assert len(SchemaCheck({"required": list("abcdefgh")}).problems({})) == 5


@pytest.mark.filterwarnings("ignore:Automatically retrieving remote references")
def test_a_schema_is_never_fetched(tmp_path: Path) -> None:
    elsewhere = tmp_path / "person.json"
    elsewhere.write_text('{"type": "object"}')

    for use in (SchemaCheck({"$ref": elsewhere.as_uri()}).problems, SchemaCheck({"$ref": elsewhere.as_uri()}).holds):
        with pytest.raises(LLMConfigurationError, match="schema 'result_schema' refers to 'file:"):
            use({})


def test_the_likeliest_is_the_first_that_satisfies_the_schema_else_the_first() -> None:
    check = SchemaCheck(PERSON)

    assert check.likeliest([1, {"name": "Ada"}, {"name": "Bob"}]) == {"name": "Ada"}
    assert check.likeliest([1, {}]) == 1


@pytest.mark.parametrize("looks", [looks_by_a_run, looks_by_a_parser])
def test_the_work_to_judge_an_answer_grows_with_the_number_of_its_documents_and_no_faster(looks: Any) -> None:
    few, many, more = (looks("{} " * count) for count in (1000, 2000, 3000))

    assert many - few == more - many == 1000  # one look each: no validator is built for it, and nothing is told of it
