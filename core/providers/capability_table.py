"""The table of the README: what each provider can do over each of its wires, made of the declarations. Print it by running this module."""

from .capabilities import FEATURES
from .registry import PROVIDERS

BEGIN = "<!-- capabilities: made by python -m polaris_llm.core.providers.capability_table -->"
END = "<!-- end of capabilities -->"


def capability_table() -> str:
    """A Markdown table of the package's own providers, between its two marks."""
    columns = [(f"{provider.name}<br>{wire.name}", wire.capabilities) for provider in PROVIDERS.values() for wire in provider.wires]
    rows = [["", *(name for name, _ in columns)], ["---", *(":-:" for _ in columns)]]
    rows += [[words, *("yes" if getattr(can, name) else "-" for _, can in columns)] for name, words in FEATURES.items()]
    lines = (f"| {' | '.join(row)} |" for row in rows)
    return "\n".join([BEGIN, *lines, END])


if __name__ == "__main__":
    print(capability_table())  # noqa: T201 - that is what it is run for
