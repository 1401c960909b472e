"""Decisions: a usable answer becomes an action, any other a recorded no-action."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from polaris_llm.core.scenarios.actions import NO_ACTION, REMOVE_SERVER, Action, set_dimmer, validate
from polaris_llm.core.scenarios.decision import DECISION, DecisionAnswer, decision_from
from polaris_llm.core.scenarios.web_farm import FarmParameters, FarmState

PARAMETERS, STATE = FarmParameters(), FarmState(active=3)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
near_answers = st.fixed_dictionaries(
    {
        "action_type": st.sampled_from(["SET_DIMMER", "ADD_SERVER", "REMOVE_SERVER", "NO_ACTION", "REBOOT"]),
        "value": st.none() | st.floats() | st.text(max_size=3),
        "reasoning": st.text(max_size=20),
    }
)


def answer(action_type: str, value: JsonValue = None, reasoning: str = "because") -> dict[str, JsonValue]:
    return {"action_type": action_type, "value": value, "reasoning": reasoning}


@pytest.mark.parametrize(
    ("given_answer", "action"),
    [
        (answer("SET_DIMMER", 0.4), set_dimmer(0.4)),
        (answer("SET_DIMMER", 1), set_dimmer(1.0)),
        (answer("REMOVE_SERVER", 0), REMOVE_SERVER),
        (answer("NO_ACTION"), NO_ACTION),
    ],
)
def test_usable_answer_becomes_its_action(given_answer: JsonValue, action: Action) -> None:
    decision = decision_from(given_answer, PARAMETERS, STATE)

    assert (decision.action, decision.problem, decision.reasoning) == (action, None, "because")


@pytest.mark.parametrize(
    ("given_answer", "problem"),
    [
        (None, "None is not of type 'object'"),
        ("ADD_SERVER", "'ADD_SERVER' is not of type 'object'"),
        ({"action_type": "NO_ACTION"}, "'value' is a required property"),
        (answer("REBOOT"), "'REBOOT' is not one of"),
        (answer("SET_DIMMER", "low"), "'low' is not of type 'number', 'null'"),
        (answer("SET_DIMMER", 7), "from 0 to 1, not 7"),
        (answer("SET_DIMMER"), "from 0 to 1, not None"),
        (answer("ADD_SERVER"), "all 3 servers are active or booting"),
        ({**answer("NO_ACTION"), "confidence": 1}, "'confidence' was unexpected"),
    ],
)
def test_unusable_answer_is_a_no_action_with_its_reason(given_answer: JsonValue, problem: str) -> None:
    decision = decision_from(given_answer, PARAMETERS, STATE)

    assert decision.action == NO_ACTION
    assert problem in (decision.problem or "")


@given(json_values | near_answers)
def test_no_answer_raises_and_every_action_is_possible(given_answer: JsonValue) -> None:
    decision = decision_from(given_answer, PARAMETERS, STATE)

    assert validate(PARAMETERS, STATE, decision.action) is None
    assert DECISION.validate_json(DECISION.dump_json(decision)) == decision


def test_value_of_an_action_that_takes_none_is_left_out() -> None:
    assert DecisionAnswer(action_type="ADD_SERVER", value=0.5, reasoning="").action.value is None
