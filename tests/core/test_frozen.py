"""Values made from others' fields are what their class would have made."""

from dataclasses import dataclass, replace

import pytest

from polaris_llm.core.call_context import CallContext
from polaris_llm.core.frozen import changed, revive
from polaris_llm.core.parts import ModelMessage, text_message
from polaris_llm.core.pickling import remember
from polaris_llm.core.runs import RunSpec
from polaris_llm.core.session_state import Phase, RunState, SessionState


@dataclass(frozen=True, slots=True)
class Single:
    """A value of one field."""

    value: str


CALL = CallContext(session_id="s", run_id="r", step=3, remaining_s=1.5)
RUN = RunState(run_id="r", spec=RunSpec(objective="o"), started_at=1.0)


@pytest.mark.parametrize(
    ("value", "changes"),
    [
        (CALL, {"cache_key": "k", "step": 4}),
        (CALL, {}),
        (RUN, {"step": 2, "cost_usd": None}),
        (SessionState(run=RUN), {"phase": Phase.ACTING, "messages": (text_message("user", "hello"),)}),
    ],
)
def test_a_changed_value_is_what_replace_makes(value: CallContext | RunState | SessionState, changes: dict[str, object]) -> None:
    before = replace(value)

    assert changed(value, **changes) == replace(value, **changes)  # type: ignore[arg-type]  # of three classes
    assert value == before


def test_a_name_that_is_no_field_is_refused() -> None:
    with pytest.raises(AttributeError, match="stepp"):
        changed(CALL, stepp=1)


def test_a_class_of_one_field_is_refused() -> None:
    with pytest.raises(ValueError, match="unpack"):
        changed(Single("x"), value="y")


def test_what_was_remembered_of_a_value_is_not_true_of_a_changed_one() -> None:
    message = text_message("user", "hello")
    remember(message, "spelled", "as it was")

    assert not hasattr(changed(message, role="assistant"), "spelled")
    assert not hasattr(revive(ModelMessage, "user", message.parts), "spelled")
