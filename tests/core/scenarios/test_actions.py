"""Actions: when they are possible, why not, and what they do."""

import math

import pytest

from polaris_llm.core.scenarios.actions import (
    ADD_SERVER,
    NO_ACTION,
    REMOVE_SERVER,
    Action,
    apply,
    dimmer_towards,
    fail,
    set_dimmer,
    validate,
)
from polaris_llm.core.scenarios.limits import DecisionLimits
from polaris_llm.core.scenarios.web_farm import FarmParameters, FarmState

PARAMETERS = FarmParameters()


@pytest.mark.parametrize(
    ("state", "action", "reason"),
    [
        (FarmState(), set_dimmer(1.2), "SET_DIMMER takes a value from 0 to 1, not 1.2"),
        (FarmState(), set_dimmer(-0.1), "SET_DIMMER takes a value from 0 to 1, not -0.1"),
        (FarmState(), set_dimmer(math.nan), "SET_DIMMER takes a value from 0 to 1, not nan"),
        (FarmState(), Action(action_type="SET_DIMMER"), "SET_DIMMER takes a value from 0 to 1, not None"),
        (FarmState(active=3), ADD_SERVER, "ADD_SERVER: all 3 servers are active or booting; choose another action"),
        (FarmState(active=2, booting=(9.0,)), ADD_SERVER, "ADD_SERVER: all 3 servers are active or booting; choose another action"),
        (FarmState(active=1, booting=(9.0,)), REMOVE_SERVER, "REMOVE_SERVER: only 1 server is active, and one must stay"),
    ],
)
def test_impossible_action_has_a_reason_and_cannot_be_applied(state: FarmState, action: Action, reason: str) -> None:
    assert validate(PARAMETERS, state, action) == reason
    with pytest.raises(ValueError, match=reason.split(",")[0]):
        apply(PARAMETERS, state, action)


def test_added_server_boots_and_replaces_a_failed_one() -> None:
    after = apply(PARAMETERS, FarmState(active=2, failed=1), ADD_SERVER)

    assert after == FarmState(active=2, booting=(60.0,), failed=0)


def test_removed_server_is_gone_at_once() -> None:
    assert apply(PARAMETERS, FarmState(active=3, backlog=7.0), REMOVE_SERVER) == FarmState(active=2, backlog=7.0)


def test_dimmer_takes_the_value() -> None:
    assert apply(PARAMETERS, FarmState(), set_dimmer(0.25)).dimmer == 0.25


def test_no_action_changes_nothing() -> None:
    assert apply(PARAMETERS, FarmState(active=2), NO_ACTION) == FarmState(active=2)


def test_no_more_servers_fail_than_are_active() -> None:
    assert fail(FarmState(active=1, booting=(5.0,)), 3) == FarmState(active=0, booting=(5.0,), failed=1)


def test_action_is_shown_with_its_value() -> None:
    assert [str(NO_ACTION), str(set_dimmer(0.5))] == ["NO_ACTION", "SET_DIMMER(0.5)"]


LIMITED = FarmParameters(limits=DecisionLimits(actions=("SET_DIMMER",), min_dimmer=0.2, max_dimmer=0.9, max_dimmer_step=0.25))


@pytest.mark.parametrize(
    ("action", "reason"),
    [
        (ADD_SERVER, "ADD_SERVER is not allowed here; allowed: SET_DIMMER, NO_ACTION"),
        (set_dimmer(0.6), "SET_DIMMER(0.6): from 0.3 the dimmer can be set to 0.2 at least and 0.55 at most"),
        (set_dimmer(0.1), "SET_DIMMER(0.1): from 0.3 the dimmer can be set to 0.2 at least and 0.55 at most"),
        (set_dimmer(0.55), None),
        (set_dimmer(0.2), None),
        (NO_ACTION, None),
    ],
)
def test_limits_of_decisions_are_kept(action: Action, reason: str | None) -> None:
    assert validate(LIMITED, FarmState(dimmer=0.3), action) == reason


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [(1.0, set_dimmer(0.55)), (0.0, set_dimmer(0.2)), (0.4, set_dimmer(0.4)), (0.3, NO_ACTION)],
)
def test_dimmer_goes_as_far_as_the_limits_allow(wanted: float, expected: Action) -> None:
    assert dimmer_towards(LIMITED, FarmState(dimmer=0.3), wanted) == expected


def test_limits_that_leave_no_dimmer_are_refused() -> None:
    with pytest.raises(ValueError, match=r"min_dimmer 0\.9 is above max_dimmer 0\.1: exchange them"):
        DecisionLimits(min_dimmer=0.9, max_dimmer=0.1)
