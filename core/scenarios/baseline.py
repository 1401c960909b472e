"""What agents are measured against: doing nothing, and thresholds that react."""

from .actions import ADD_SERVER, NO_ACTION, REMOVE_SERVER, Action, set_dimmer, validate
from .control_loop import ControlLoop

DIMMER_STEP = 0.25
HIGH_UTILISATION = 0.85
COOLDOWN_PERIODS = 2
"""Calm periods before capacity or content is traded back."""


def do_nothing(loop: ControlLoop) -> Action:
    """NO_ACTION, whatever happens."""
    return NO_ACTION


def thresholds(loop: ControlLoop) -> Action:
    """More capacity when the farm is hot, less when it has been calm with more than a server to spare.

    After cps-sei/swim:src/managers/adaptation/ReactiveAdaptationManager.cc, with a threshold on the utilisation and a cooldown.
    """
    latest = loop.history[-1]
    if not latest.sla_met or latest.utilisation > HIGH_UTILISATION:
        return _relieve(loop)
    spare = loop.state.active * (1 - latest.utilisation)
    return _trade_back(loop) if spare > 1 and _is_calm(loop) else NO_ACTION


def _relieve(loop: ControlLoop) -> Action:
    """Boots a server, or lowers the dimmer while one boots or none is left."""
    state = loop.state
    if not state.booting and validate(loop.scenario.parameters, state, ADD_SERVER) is None:
        return ADD_SERVER
    return set_dimmer(max(0.0, state.dimmer - DIMMER_STEP)) if state.dimmer > 0 else NO_ACTION


def _trade_back(loop: ControlLoop) -> Action:
    """Raises the dimmer, or gives up a server when it is full."""
    state = loop.state
    if state.dimmer < 1:
        return set_dimmer(min(1.0, state.dimmer + DIMMER_STEP))
    return REMOVE_SERVER if state.active > 1 and not state.booting else NO_ACTION


def _is_calm(loop: ControlLoop) -> bool:
    recent = loop.records[-COOLDOWN_PERIODS:]
    return len(recent) == COOLDOWN_PERIODS and all(record.decision.action.action_type == "NO_ACTION" for record in recent)
