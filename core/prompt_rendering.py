"""How the text of a template becomes a prompt, in the brace format and in the jinja format.

A template gets the values it was given and nothing else: it reads no attribute, calls nothing, opens nothing, and writes at
most MAX_CHARS. A value is text, never a template. Here a wrong text is a ValueError, a missing variable a KeyError.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, nodes
from jinja2.filters import FILTERS
from jinja2.runtime import LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

TemplateFormat = Literal["brace", "jinja"]
MAX_CHARS = 1_000_000
"""How long a template, a prompt and every text on the way from one to the other may be; a turn of a loop counts as one at least."""

Pieces = Callable[[Mapping[str, Any]], Iterator[str]]
"""A text that was understood: it makes the pieces of a prompt of values of any kind."""

_TOKEN = re.compile(r"{{|}}|{([^{}]*)}|[{}]")
_NODES = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.For, nodes.If, nodes.CondExpr, nodes.Filter, nodes.Test, nodes.Keyword),
    *(nodes.Name, nodes.Const, nodes.Getattr, nodes.Getitem, nodes.Slice, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not),
    *(nodes.Add, nodes.Sub, nodes.Div, nodes.FloorDiv, nodes.Neg, nodes.Pos, nodes.Concat),
)
"""What may stand in a jinja text. Nothing here calls, assigns or multiplies, so that no text grows faster than the template does."""
_LOOP = frozenset({"index", "index0", "revindex", "revindex0", "first", "last", "length"})
_WRONG = (TemplateError, TypeError, ValueError, ArithmeticError, RecursionError, SyntaxError, MemoryError)
"""What jinja raises for a text that it, or Python behind it, cannot take."""


def compiled(template_format: TemplateFormat, text: str) -> Pieces:
    """The text, understood; raises ValueError for one that is not written as its format wants it."""
    if template_format not in _COMPILERS:
        raise ValueError(f"unknown format {template_format!r}; known: {', '.join(_COMPILERS)}")
    return _bounded(_COMPILERS[template_format], text)


def rendered(template_format: TemplateFormat, text: str, values: Mapping[str, Any]) -> str:  # any values
    """The prompt that the text makes of the values."""
    return _joined(compiled(template_format, text)(values))


@lru_cache(maxsize=512)
def _bounded(compile_text: Callable[[str], Pieces], text: str) -> Pieces:
    if len(text) > MAX_CHARS:
        raise ValueError(f"it has {len(text):,} characters, more than {MAX_CHARS:,}: shorten it")
    return compile_text(text)


def _joined(pieces: Iterable[str]) -> str:
    size, kept = 0, []
    for piece in pieces:
        size += len(piece) or 1
        if size > MAX_CHARS:
            raise ValueError(f"it makes more than {MAX_CHARS:,} characters of these values: give it shorter ones")
        kept.append(piece)
    return "".join(kept)


def _brace(text: str) -> Pieces:
    pieces, end = [], 0
    for token in _TOKEN.finditer(text):
        pieces += [(text[end : token.start()], None), _understood(token)]
        end = token.end()
    pieces.append((text[end:], None))
    return lambda values: (literal if name is None else str(values[name]) for literal, name in pieces)


def _understood(token: re.Match[str]) -> tuple[str, str | None]:  # literal text, or the name of a variable
    found, name = token[0], token[1]
    if found in ("{{", "}}"):
        return found[0], None
    if name and name.isidentifier():
        return "", name
    line = token.string.count("\n", 0, token.start()) + 1
    raise ValueError(f"line {line}: {found!r} is no variable: write {{name}} for a variable, {{{{ and }}}} for braces")


class _DataOnly(ImmutableSandboxedEnvironment):
    """Jinja that reads the items of mappings and sequences, and the attributes of nothing but its own loop."""

    def getattr(self, obj: Any, attribute: str) -> Any:  # fixed by jinja, as is the next
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(obj, LoopContext) and argument in _LOOP:
            return getattr(obj, argument)
        if isinstance(obj, Mapping | Sequence):
            try:
                return obj[argument]
            except (LookupError, TypeError):
                pass
        return self.undefined(obj=obj, name=argument)


def _json(value: Any) -> str:  # JSON
    return _joined([json.dumps(value, ensure_ascii=False)])


def _join(values: Iterable[Any], separator: str = "") -> str:  # anything is shown as text
    return _joined(piece for number, value in enumerate(values) for piece in ((separator if number else ""), str(value)))


def _round(number: float, digits: int = 0) -> float:
    return round(float(number), digits)


_JINJA = _DataOnly(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False)
_JINJA.globals.clear()
_HARMLESS = (
    *("abs", "capitalize", "count", "default", "first", "float", "int", "items", "last", "length", "lower", "max", "min", "sort", "sum"),
    *("title", "trim", "unique", "upper"),
)
_JINJA.filters = {name: FILTERS[name] for name in _HARMLESS} | {"join": _join, "round": _round, "tojson": _json}


def _jinja(text: str) -> Pieces:
    try:
        tree = _JINJA.parse(text)
        for node in tree.find_all(nodes.Node):
            _refuse_unless_harmless(node)
        for loop in tree.find_all(nodes.For):
            loop.body.append(nodes.Output([nodes.TemplateData("")]))  # an empty piece a turn: so that turns are counted
        template = _JINJA.from_string(tree)
    except _WRONG as error:
        raise _explained(error) from error
    return lambda values: _generated(template, values)


def _refuse_unless_harmless(node: nodes.Node) -> None:
    target = isinstance(node, nodes.Tuple) and node.ctx == "store"  # for key, value in …
    hidden = isinstance(node, nodes.For) and (node.test or node.recursive)  # turns that could not be counted
    if hidden or not (target or isinstance(node, _NODES)) or (isinstance(node, nodes.Name) and node.name == "self"):
        what = type(node).__name__.lower()
        raise TemplateSyntaxError(f"{what} is not allowed: a template shows its variables, with plain for and if", node.lineno)


def _generated(template: Template, values: Mapping[str, Any]) -> Iterator[str]:  # any values
    try:
        yield from template.generate(values)
    except _WRONG as error:
        raise _explained(error) from error


def _explained(error: BaseException) -> ValueError:
    where = f"line {error.lineno}: " if isinstance(error, TemplateSyntaxError) else ""
    return ValueError(f"{where}{getattr(error, 'message', None) or error or type(error).__name__}")


_COMPILERS: dict[TemplateFormat, Callable[[str], Pieces]] = {"brace": _brace, "jinja": _jinja}
