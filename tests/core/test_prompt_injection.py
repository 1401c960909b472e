"""Attacks from inside a template, or from inside a value: they read nothing, and they end."""

import os
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from polaris_llm.core.exceptions import LLMConfigurationError
from polaris_llm.core.prompt_manager import PromptManager
from polaris_llm.core.prompt_rendering import MAX_CHARS
from polaris_llm.core.prompt_templates import PromptTemplate

SECRET = "sk-do-not-tell"


@dataclass
class Configuration:
    """A live object with something to hide, as applications pass them by mistake."""

    api_key: str = SECRET

    def reveal(self) -> str:
        return self.api_key

    def __str__(self) -> str:
        return "configuration"


VALUES = {"cfg": Configuration(), "xs": [1, 2], "text": "text", "d": {"a": 1}, "reveal": lambda: SECRET}

BRACE_ATTACKS = [
    "{cfg.api_key}",
    "{cfg.__class__.__init__.__globals__}",
    "{cfg.__init__.__globals__[os].environ}",
    "{cfg!r}",
    "{cfg:{cfg.api_key}}",
    "{text:>{cfg.api_key}}",
    "{text:>999999999}",
    "{d[a]}",
    "{xs[0]}",
    "{0}",
    "{}",
    "{reveal()}",
]

ATTRIBUTE_ATTACKS = [
    "{{ cfg.api_key }}",
    "{{ cfg['api_key'] }}",
    "{{ cfg.reveal }}",
    "{{ cfg.__class__ }}",
    "{{ cfg['__class__'] }}",
    "{{ text.__class__.__mro__ }}",
    "{{ text['__cl' ~ 'ass__'] }}",
    "{{ d.keys }}",
    "{{ text.format }}",
    "{{ xs.append }}",
    "{{ cfg|attr('api_key') }}",
    "{{ cfg|attr('__class__') }}",
    "{{ [cfg]|map(attribute='api_key')|join }}",
    "{{ [cfg]|selectattr('api_key')|list }}",
    "{{ [cfg]|groupby('api_key') }}",
    "{{ [cfg]|sort(attribute='api_key') }}",
    "{{ xs|sum(attribute='__class__') }}",
    "{{ xs|max(attribute='real') }}",
    "{{ loop.__class__ }}{% for x in xs %}{% endfor %}",
    "{% for x in xs %}{{ loop._iterable }}{% endfor %}",
    "{% for x in xs %}{{ loop.cycle }}{% endfor %}",
    "{% for x in xs %}{{ loop['__init__'] }}{% endfor %}",
    "{{ self }}",
    "{{ self.__init__.__globals__ }}",
    "{{ self._TemplateReference__context }}",
]

CALL_ATTACKS = [
    "{{ cfg.reveal() }}",
    "{{ reveal() }}",
    "{{ text.__class__.__mro__[1].__subclasses__() }}",
    "{{ cycler.__init__.__globals__.os.environ }}",
    "{{ cycler('a') }}",
    "{{ joiner(',') }}",
    "{{ namespace(a=1) }}",
    "{{ lipsum.__globals__['os'].popen('id').read() }}",
    "{{ dict(a=1) }}",
    "{{ get_flashed_messages.__globals__ }}",
    "{{ '{0.api_key}'.format(cfg) }}",
    "{{ '{0.api_key}'|format(cfg) }}",
    "{{ '%s' % cfg }}",
    "{{ xs|tojson(indent=1000000000) }}",
    "{{ xs|sum(start=cfg.api_key) }}",
    "{{ d.update({'a': 2}) }}",
    "{{ xs.append(3) }}",
    "{% set _ = xs.append(3) %}",
    "{% call reveal() %}{% endcall %}",
    "{% macro m() %}{{ m.__globals__ }}{% endmacro %}{{ m() }}",
    "{{ caller() }}",
    "{{ super() }}",
]

FILE_ATTACKS = [
    "{% include '/etc/passwd' %}",
    "{% include '/etc/passwd' ignore missing %}",
    "{% import '/etc/passwd' as p %}{{ p }}",
    "{% from '/etc/passwd' import root %}",
    "{% extends '/etc/passwd' %}",
    "{{ ''.__class__.__mro__[1].__subclasses__()[40]('/etc/passwd').read() }}",
    "{{ config.__class__.__init__.__globals__['os'].popen('cat /etc/passwd').read() }}",
    "{{ request.application.__globals__.__builtins__.open('/etc/passwd').read() }}",
    "{{ cycler }}",
    "{{ range }}",
    "{{ environ }}",
    "{{ os.environ }}",
    "{{ __builtins__ }}",
    "{{ environment }}{{ context }}",
    "{% debug %}",
    "{% filter upper %}{{ cfg }}{% endfilter %}",
    "{% block a %}{% endblock %}",
    "{% autoescape true %}{% endautoescape %}",
]

EXHAUSTING = [
    "{% for x in range(10**9) %}x{% endfor %}",
    "{{ 'x' * 10**10 }}",
    "{{ 10 ** 10 ** 10 }}",
    "{{ '%1000000000d' % 1 }}",
    "{{ 'x'|center(10**9) }}",
    "{{ 'x'|center(1000000000) }}",
    "{{ 'x'|indent(1000000000) }}",
    "{{ 'x'|replace('x', 'xxxxxxxxxx') }}",
    "{{ xs|slice(1000000000)|list }}",
    "{{ xs|batch(1000000000, 'x')|list }}",
    "{{ lipsum(n=100000) }}",
    "{% for a in [[xs, xs]] %}{{ a }}{% endfor %}",
    "{% set x %}{{ text }}{% endset %}{{ x ~ x }}",
    "{% for x in xs if x > 9 %}{{ x }}{% endfor %}",
    "{% for x in xs recursive %}{{ loop(xs) }}{% endfor %}",
    "{{ " + "(" * 200_000,
    "{{ " + "(" * 5_000 + "1" + ")" * 5_000 + " }}",
    "{{ 1" + " + 1" * 10_000 + " }}",
    "{% for x in xs %}" * 60 + "{% endfor %}" * 60,
    "x" * (MAX_CHARS + 1),
]


@pytest.mark.parametrize("attack", BRACE_ATTACKS)
def test_brace_template_reads_names_only(attack: str) -> None:
    with pytest.raises(LLMConfigurationError, match="is no variable"):
        PromptManager().register_template(PromptTemplate("attack", attack))


@pytest.mark.parametrize("attack", [*ATTRIBUTE_ATTACKS, *CALL_ATTACKS, *FILE_ATTACKS])
def test_jinja_template_reads_no_attribute_calls_nothing_and_opens_nothing(attack: str) -> None:
    template = PromptTemplate("attack", attack, format="jinja")

    with pytest.raises(LLMConfigurationError, match="template 'attack': ") as caught:
        template.render(**VALUES)

    assert SECRET not in str(caught.value)
    assert VALUES["xs"] == [1, 2]
    assert VALUES["d"] == {"a": 1}


@pytest.mark.parametrize("attack", [*BRACE_ATTACKS, *ATTRIBUTE_ATTACKS, *CALL_ATTACKS, *FILE_ATTACKS])
def test_value_that_looks_like_a_template_stays_a_value(attack: str) -> None:
    for text, template_format in (("{x} {cfg}", "brace"), ("{{ x }} {{ cfg }}", "jinja")):
        template = PromptTemplate("honest", text, format=template_format)  # type: ignore[arg-type]

        assert template.render(x=attack, cfg=VALUES["cfg"]) == f"{attack} configuration"


@pytest.mark.timeout(10)
@pytest.mark.parametrize("attack", EXHAUSTING, ids=lambda attack: attack[:40])
def test_exhausting_template_is_refused_before_it_is_rendered(attack: str) -> None:
    with pytest.raises(LLMConfigurationError, match="template 'attack': "):
        PromptTemplate("attack", attack, format="jinja").check()


def nested_loops(body: str) -> str:
    return "{% for a in xs %}" * 8 + body + "{% endfor %}" * 8


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    ("template_format", "text"),
    [
        ("brace", "{long}" * 101),
        ("jinja", "{{ long }}" * 101),
        ("jinja", nested_loops("x")),
        ("jinja", nested_loops("")),
        ("jinja", nested_loops("{% if a == 7 %}{{ a }}{% endif %}")),
        ("jinja", "{{ long|join(long) }}"),
        ("jinja", "{{ xs|join(long|join(text)) }}"),
        ("jinja", "{{ quotes" + "|tojson" * 40 + " }}"),
    ],
)
def test_prompt_that_grows_without_end_is_refused(template_format: str, text: str) -> None:
    template = PromptTemplate("attack", text, format=template_format)  # type: ignore[arg-type]
    template.check()

    with pytest.raises(LLMConfigurationError, match="it makes more than 1,000,000 characters of these values: give it shorter ones"):
        template.render(long="x" * 10_000, xs=list(range(100)), text="x" * 1000, quotes='"\\')


@pytest.mark.timeout(10)
def test_numbers_cannot_be_made_huge() -> None:
    text = "{{ x|round(1000000000) }} {{ x|round(-1000000000) }} {{ digits|int }}"

    assert PromptTemplate("attack", text, format="jinja").render(x=5, digits="9" * 100_000) == "5.0 0.0 0"


@pytest.fixture
def secret_in_environment() -> Iterator[None]:
    os.environ["POLARIS_TEST_SECRET"] = SECRET
    yield
    del os.environ["POLARIS_TEST_SECRET"]


@pytest.mark.usefixtures("secret_in_environment")
@pytest.mark.parametrize("text", ["$POLARIS_TEST_SECRET ${{POLARIS_TEST_SECRET}} %POLARIS_TEST_SECRET%", "env:POLARIS_TEST_SECRET"])
def test_environment_variables_are_not_expanded(text: str) -> None:
    assert SECRET not in PromptTemplate("attack", text).render()
