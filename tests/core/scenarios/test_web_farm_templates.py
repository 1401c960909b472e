"""The prompts of the web farm: they render from a snapshot, say what counts, and stay short."""

import re
from dataclasses import replace
from importlib.resources import files
from typing import Any

import pytest
import yaml
from jinja2 import StrictUndefined, UndefinedError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from polaris_llm.core.prompt_manager import PromptManager
from polaris_llm.core.scenarios.baseline import thresholds
from polaris_llm.core.scenarios.control_loop import HISTORY, ControlLoop, run_policy
from polaris_llm.core.scenarios.families import failure_recovery, high_load
from polaris_llm.core.scenarios.limits import ACTION_TYPES, DecisionLimits
from polaris_llm.core.scenarios.web_farm import FarmParameters

SOURCE = (files("polaris_llm") / "templates" / "web_farm.yaml").read_text(encoding="utf-8")
TEMPLATES: dict[str, dict[str, Any]] = {entry["name"]: entry for entry in yaml.safe_load(SOURCE)["templates"]}
NAMES = sorted(TEMPLATES)


def render(name: str, loop: ControlLoop) -> str:
    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined)
    values = {"farm": loop.snapshot(), "objective": loop.scenario.objective}
    template = TEMPLATES[name]
    return environment.from_string(template["template"]).render({variable: values[variable] for variable in template["variables"]})


def test_templates_are_the_two_prompts() -> None:
    assert NAMES == ["web_farm_objective", "web_farm_system"]
    assert all(set(entry) == {"name", "description", "version", "variables", "format", "template"} for entry in TEMPLATES.values())


@pytest.mark.parametrize("name", NAMES)
def test_template_needs_every_variable_that_it_lists(name: str) -> None:
    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined)

    with pytest.raises(UndefinedError):
        environment.from_string(TEMPLATES[name]["template"]).render()


def test_templates_use_for_and_if_only() -> None:
    statements = set(re.findall(r"{%-?\s*(\w+)", SOURCE))

    assert statements <= {"for", "endfor", "if", "endif"}


def test_system_prompt_states_the_limits_of_the_scenario() -> None:
    prompt = render("web_farm_system", ControlLoop.start(high_load(1)))

    assert all(word in prompt for word in ("0.75", "up to 3 servers", "60 s", "SET_DIMMER", "mean_utility", "reasoning"))


def test_objective_shows_the_farm_and_where_it_was_too_slow() -> None:
    loop = run_policy(failure_recovery(1), thresholds)

    prompt = render("web_farm_objective", loop)

    assert prompt.startswith("Servers may fail.")
    assert f"{loop.state.active} active" in prompt
    assert prompt.count("requests/s") == len(loop.view().history)
    assert prompt.count("(too slow)") == sum(not interval.sla_met for interval in loop.view().history)


def test_prompts_stay_under_1200_tokens() -> None:
    loop = run_policy(high_load(1), thresholds)

    characters = sum(len(render(name, loop)) for name in NAMES)

    assert characters / 4 < 1200


def test_each_action_and_each_past_period_has_a_line_of_its_own() -> None:
    prompts = PromptManager()
    loop = run_policy(high_load(1), thresholds)

    system = prompts.render_template("web_farm_system", farm=loop.snapshot()).splitlines()
    objective = prompts.render_template("web_farm_objective", farm=loop.snapshot(), objective="Keep calm.").splitlines()

    assert [line.split()[1].rstrip(":.") for line in system if line.startswith("- ")] == list(ACTION_TYPES)
    assert len([line for line in objective if line.startswith("- ")]) == HISTORY


def test_system_prompt_offers_what_the_limits_allow() -> None:
    limits = DecisionLimits(actions=("SET_DIMMER",), min_dimmer=0.2, max_dimmer_step=0.5)
    scenario = replace(high_load(1), parameters=FarmParameters(limits=limits))

    prompt = render("web_farm_system", ControlLoop.start(scenario))

    assert all(word in prompt for word in ("from 0.2 to 1.0", "changes it by 0.5 at most", "NO_ACTION"))
    assert "ADD_SERVER" not in prompt
    assert "REMOVE_SERVER" not in prompt
