"""What sections of settings are made of: frozen, strict, without unknown names; and the spellings that many of them share."""

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


class Section(BaseModel):
    """One section of the settings: a typo, a wrong type or an infinite number fails at start."""

    model_config = ConfigDict(
        frozen=True, strict=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True, use_attribute_docstrings=True
    )


def _spelled(pattern: str, expected: str) -> AfterValidator:
    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(f"expected {expected}")
        return value

    return AfterValidator(check)


ImportReference = Annotated[str, _spelled(r"[^\W\d][\w.]*:[^\W\d][\w.]*", "module:attribute")]
"""What code is found by."""

Name = Annotated[str, _spelled(r"[A-Za-z0-9][A-Za-z0-9_.-]*", "a name of letters, digits, '.', '_' and '-'")]

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
LabelName = Annotated[str, _spelled(rf"(?:[A-Za-z0-9.-]{{1,253}}/)?{_LABEL}", "a label's name: up to 63 letters, digits, '.', '_' and '-'")]
LabelCondition = Annotated[
    str, _spelled(rf"!?(?:{_LABEL}|in\({_LABEL}(?:, ?{_LABEL})*\))", "a label's value, !value, in(one, another) or !in(one, another)")
]
Labels = dict[LabelName, LabelCondition]
"""What a node's labels must be, as Ray's label selectors say it."""


class Placed(Section):
    """A section whose actors are placed by the labels of nodes; one that names none goes where runtime.labels says."""

    labels: Labels = Field(default_factory=dict)
    """Labels that a node must have."""
    fallback_labels: tuple[Labels, ...] = Field(default=(), strict=False)
    """Tried in this order while no node fits `labels`; {} takes any node."""


def _custom(name: str) -> str:
    if name in _OWN_RESOURCES:
        raise ValueError(f"expected a custom resource; {_OWN_RESOURCES[name]}")
    return name


_OWN_RESOURCES = {
    "CPU": "CPUs are asked for by num_cpus",
    "memory": "memory is asked for by memory_mb",
    "GPU": "let nodes with a GPU declare one of another name, or a label",
    "object_store_memory": "nobody can ask for room in Ray's object store",
}
Resources = dict[Annotated[Name, AfterValidator(_custom)], Annotated[float, Field(gt=0)]]
"""Custom resources that Ray sets aside, by their names, as nodes declare them."""
