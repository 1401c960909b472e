"""What agents are measured against: doing nothing, thresholds that react, and a forecast that is planned for."""

import math

from .actions import ADD_SERVER, NO_ACTION, REMOVE_SERVER, Action, dimmer_towards, validate
from .control_loop import ControlLoop, Policy
from .forecast import Forecast, forecast
from .web_farm import highest_dimmer

DIMMER_STEP = 0.25
HIGH_UTILISATION = 0.85
COOLDOWN_PERIODS = 2
"""Calm periods before capacity or content is traded back."""

AIM = 0.7
"""The share of the SLA that the proactive baseline aims at, for its forecast errs."""
URGENT = 0.15
"""Where so much content is too much, giving it up comes before a server that must boot."""
DIMMER_DEAD_BAND = 0.02
"""Smaller changes of the dimmer are not worth a decision."""


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


def proactive(loop: ControlLoop) -> Action:
    """As many servers as the forecast load will need when one ordered now has booted, and the dimmer that fits until then.

    It knows the farm's queue and looks one boot ahead, as predictive approaches do (G. A. Moreno et al.: Proactive self-adaptation
    under uncertainty, ESEC/FSE 2015), but weighs nothing against anything: it aims at the SLA, not at utility.
    """
    scenario, state = loop.scenario, loop.state
    load = forecast([interval.arrival_rate for interval in loop.history])
    booted_in = 1 + math.ceil(scenario.parameters.boot_s / scenario.control_period_s)
    needed = _servers_for(loop, load.rate(booted_in) + load.error)
    if needed > state.powered and _can(loop, ADD_SERVER) and state.dimmer - _fitting_dimmer(loop, load) < URGENT:
        return ADD_SERVER
    spare = max(needed, _servers_for(loop, load.rate(1) + load.error)) < state.active and not state.booting
    return REMOVE_SERVER if spare and _is_full(loop) and _can(loop, REMOVE_SERVER) else _fit(loop, load)


BASELINES: dict[str, Policy] = {"do_nothing": do_nothing, "thresholds": thresholds, "proactive": proactive}
"""By name."""


def _servers_for(loop: ControlLoop, rate: float) -> int:
    """The fewest servers that bear a load with all content, as many as there may be where none do."""
    parameters = loop.scenario.parameters
    enough = (count for count in range(1, parameters.max_servers) if highest_dimmer(parameters, count, rate, AIM * parameters.sla_s) >= 1)
    return next(enough, parameters.max_servers)


def _fitting_dimmer(loop: ControlLoop, load: Forecast) -> float:
    """The dimmer for the next period's load and the backlog that is to be worked off in it."""
    parameters, state = loop.scenario.parameters, loop.state
    offered = load.rate(1) + load.error + state.backlog / loop.scenario.control_period_s
    return highest_dimmer(parameters, state.active, offered, AIM * parameters.sla_s)


def _fit(loop: ControlLoop, load: Forecast) -> Action:
    fitting = _fitting_dimmer(loop, load)
    changes = abs(fitting - loop.state.dimmer) > DIMMER_DEAD_BAND or (fitting == 1) > (loop.state.dimmer == 1)
    return dimmer_towards(loop.scenario.parameters, loop.state, fitting) if changes else NO_ACTION


def _relieve(loop: ControlLoop) -> Action:
    """Boots a server, or lowers the dimmer while one boots or none is left."""
    state = loop.state
    if not state.booting and _can(loop, ADD_SERVER):
        return ADD_SERVER
    return dimmer_towards(loop.scenario.parameters, state, max(0.0, state.dimmer - DIMMER_STEP))


def _trade_back(loop: ControlLoop) -> Action:
    """Raises the dimmer, or gives up a server when it is full."""
    state = loop.state
    if not _is_full(loop):
        return dimmer_towards(loop.scenario.parameters, state, min(1.0, state.dimmer + DIMMER_STEP))
    return REMOVE_SERVER if not state.booting and _can(loop, REMOVE_SERVER) else NO_ACTION


def _is_full(loop: ControlLoop) -> bool:
    """Whether the dimmer is as high as it can be."""
    return dimmer_towards(loop.scenario.parameters, loop.state, 1.0) == NO_ACTION


def _can(loop: ControlLoop, action: Action) -> bool:
    return validate(loop.scenario.parameters, loop.state, action) is None


def _is_calm(loop: ControlLoop) -> bool:
    recent = loop.records[-COOLDOWN_PERIODS:]
    return len(recent) == COOLDOWN_PERIODS and all(record.decision.action.action_type == "NO_ACTION" for record in recent)
