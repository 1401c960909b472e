"""The two formats of a template: what they mean, and what they refuse."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polaris_llm.core.exceptions import LLMConfigurationError
from polaris_llm.core.prompt_rendering import TemplateFormat
from polaris_llm.core.prompt_templates import PromptTemplate


def render(text: str, template_format: TemplateFormat = "brace", /, **values: object) -> str:
    return PromptTemplate("asked", text, format=template_format).render(**values)


def test_braces_round_a_name_show_its_value_as_text() -> None:
    assert render("{who} has {metrics}", who="farm", metrics={"cpu": 0.5}) == "farm has {'cpu': 0.5}"


@pytest.mark.parametrize(
    ("text", "prompt"),
    [("{{}}", "{}"), ('{{"a": {{"b": {x}}}}}', '{"a": {"b": 1}}'), ("{{x}}", "{x}"), ("{{{x}}}", "{1}"), ("", ""), ("{x}{x}", "11")],
)
def test_doubled_braces_are_braces(text: str, prompt: str) -> None:
    assert render(text, x=1) == prompt


@pytest.mark.parametrize("text", ["{a.b}", "{a[0]}", "{a!r}", "{a:>10}", "{}", "{0}", "{ a }", "{a", "a}", "{{a}", "{a\n}", "{a-b}"])
def test_braces_round_anything_else_are_refused_with_the_line_and_the_remedy(text: str) -> None:
    with pytest.raises(LLMConfigurationError, match=r"template 'asked': line 2: '.*' is no variable: write \{name\}") as caught:
        render("first\n" + text, a=1)

    assert caught.value.context["config_key"] == "template_variables"


def test_missing_name_is_a_key_error_as_the_contract_has_it() -> None:
    with pytest.raises(KeyError, match="who"):
        render("{who}")


@pytest.mark.parametrize("name", ["self", "name", "template", "values", "class"])
def test_variables_may_have_any_name(name: str) -> None:
    assert render(f"{{{name}}}", **{name: "it"}) == "it"


@given(st.text())
def test_any_text_can_be_written_with_doubled_braces(text: str) -> None:
    assert render(text.replace("{", "{{").replace("}", "}}")) == text


@given(st.text())
def test_values_are_never_read_as_templates(value: str) -> None:
    assert render("<{x}>", x=value) == f"<{value}>"
    assert render("<{{ x }}>", "jinja", x=value) == f"<{value}>"


@given(st.text(alphabet="{}a.[]!:x0 \n"))
def test_brace_text_means_what_python_means_or_is_refused(text: str) -> None:
    try:
        prompt = render(text, a="A", x="X", ax="AX", xa="XA", aa="AA", xx="XX")
    except (LLMConfigurationError, KeyError):
        return

    assert prompt == string.Formatter().format(text, a="A", x="X", ax="AX", xa="XA", aa="AA", xx="XX")


def test_jinja_shows_items_in_loops_and_conditions() -> None:
    text = "{% for key, value in m|items %}{{ loop.index }} {{ key }}={{ value.x|round(1) }}{% if not loop.last %}; {% endif %}{% endfor %}"

    assert render(text, "jinja", m={"items": {"x": 1.26}, "b": {"x": 2}}) == "1 items=1.3; 2 b=2.0"


@pytest.mark.parametrize(
    ("text", "prompt"),
    [
        ('{"a": {{ x }}}', '{"a": 3}'),
        ("{{ xs[0] + xs[-1] }}", "3"),
        ("{{ xs[:1]|join(', ') }}", "1"),
        ("{{ xs|tojson }}", "[1, 2]"),
        ("{{ 'many' if xs|length > 1 else 'one' }}", "many"),
        ("{{ y|default('none') }}", "none"),
        ("{{ d['get'] }}{{ d.get }}", "gg"),
        ("<b>{{ tag }}", "<b><i>"),
    ],
)
def test_jinja_has_plain_expressions(text: str, prompt: str) -> None:
    assert render(text, "jinja", x=3, xs=[1, 2], d={"get": "g"}, tag="<i>") == prompt


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{{ gone }}", "'gone' is undefined"),
        ("{{ x.gone }}", "has no attribute 'gone'"),
        ("{% if gone %}{% endif %}", "'gone' is undefined"),
        ("a\n{% if %}", "line 2: Expected an expression"),
        ("{{ x|shout }}", "No filter named 'shout'"),
        ("{{ 1 / 0 }}", "division by zero"),
        ("{{ 'a' - 1 }}", "unsupported operand"),
        ("{{ xs|tojson }}", "not JSON serializable"),
    ],
)
def test_jinja_that_cannot_be_rendered_is_refused(text: str, reason: str) -> None:
    with pytest.raises(LLMConfigurationError, match=f"template 'asked': .*{reason}") as caught:
        render(text, "jinja", x={}, xs={1, 2})

    assert caught.value.context["config_key"] == "template_variables"
    assert caught.value.__cause__ is not None


def test_unknown_format_is_refused() -> None:
    template = PromptTemplate("asked", "text", format="mustache")  # type: ignore[arg-type]

    for use in (template.check, template.render):
        with pytest.raises(LLMConfigurationError, match="template 'asked': unknown format 'mustache'; known: brace, jinja"):
            use()


def test_hash_tells_texts_and_formats_apart_and_nothing_else() -> None:
    template = PromptTemplate("a", "text")

    assert template.text_hash == PromptTemplate("b", "text", version="2", metadata={"by": "me"}).text_hash
    assert len({template.text_hash, PromptTemplate("a", "text.").text_hash, PromptTemplate("a", "text", format="jinja").text_hash}) == 3
