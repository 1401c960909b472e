"""What a docstring in Google's style says of a function and of its parameters."""

import inspect
import re
import textwrap
from dataclasses import dataclass, field
from itertools import takewhile

ARGUMENTS = re.compile(r"^(?:Args|Arguments|Parameters):\s*$", re.MULTILINE)
SECTION = re.compile(r"^[A-Z]\w*:\s*$")
ENTRY = re.compile(r"^\*{0,2}(?P<name>\w+)\s*(?:\(.*?\))?:\s*(?P<text>.*)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Docstring:
    """The opening paragraph, and one text for each parameter that is described."""

    summary: str = ""
    parameters: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, documented: object) -> "Docstring":
        """The docstring of a function; empty when it has none."""
        text = inspect.getdoc(documented) or ""
        opening = takewhile(lambda line: line and not SECTION.match(line), text.splitlines())
        return cls(summary=" ".join(line.strip() for line in opening), parameters=_parameters(text))


def _parameters(text: str) -> dict[str, str]:
    heading = ARGUMENTS.search(text)
    if heading is None:
        return {}
    below = text[heading.end() :].lstrip("\n").splitlines()
    section = takewhile(lambda line: not line or line[0].isspace(), below)
    lines: dict[str, list[str]] = {}
    for line in textwrap.dedent("\n".join(section)).splitlines():
        if entry := ENTRY.match(line):
            latest = lines[entry["name"]] = [entry["text"]]
        elif lines:
            latest.append(line.strip())
    return {name: " ".join(filter(None, texts)) for name, texts in lines.items()}
