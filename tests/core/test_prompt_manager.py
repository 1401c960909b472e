"""The prompt manager: who wins, what messages say of their origin, how flows begin, and when files are read again."""

import os
from pathlib import Path

import pytest

from polaris_llm.core.exceptions import LLMConfigurationError
from polaris_llm.core.flows import ConversationFlow
from polaris_llm.core.models import Message, MessageRole
from polaris_llm.core.prompt_manager import PromptManager
from polaris_llm.core.prompt_templates import PromptTemplate

SEED = {
    "system_reasoning": ["system_id", "current_metrics", "health_status", "available_actions"],
    "world_model_update": ["system_id", "system_state", "previous_state"],
    "adaptation_impact_simulation": ["system_id", "action_type", "action_parameters", "current_state", "dependencies"],
    "agentic_reasoning": ["reasoning_objective", "available_tools", "context"],
}


def write(path: Path, text: str, *, time_ns: int = 0) -> None:
    """A file with one template, `greeting`, as if it was written at the time."""
    path.write_text(f"templates: [{{name: greeting, template: {text!r}}}]")
    os.utime(path, ns=(time_ns, time_ns))


@pytest.mark.parametrize(("name", "variables"), SEED.items())
def test_seed_template_shows_each_of_its_variables(name: str, variables: list[str]) -> None:
    manager = PromptManager()
    values = {variable: {f"key of {variable}": 1} for variable in variables}

    prompt = manager.render_template(name, **values)

    assert manager.get_template(name).variables == variables
    assert all(str(value) in prompt for value in values.values())


@pytest.mark.parametrize("missing", SEED["system_reasoning"])
def test_missing_variable_is_named(missing: str) -> None:
    values = {variable: "x" for variable in SEED["system_reasoning"] if variable != missing}

    with pytest.raises(LLMConfigurationError, match=f"'system_reasoning' needs the variable '{missing}'; given: ") as caught:
        PromptManager().render_template("system_reasoning", **values)

    assert caught.value.context == {"config_key": "template_variables", "config_value": missing}


def test_every_own_template_lists_what_it_uses() -> None:
    manager = PromptManager()
    flows = {prompt for flow_id in manager.list_flows() for prompt in [manager.get_flow(flow_id).initial_prompt]}

    for template in (manager.get_template(name) for name in manager.list_templates() if not name.startswith("web_farm")):
        prompt = template.render(**{variable: f"<{variable}>" for variable in template.variables})

        assert all(f"<{variable}>" in prompt for variable in template.variables)
        assert template.description
    assert flows <= set(manager.list_templates())


def test_unknown_names_are_refused_with_those_that_are_known() -> None:
    manager = PromptManager()

    for use in (manager.get_template, manager.render_template, manager.create_user_message):
        with pytest.raises(LLMConfigurationError, match="unknown template 'gone'; known: adaptation_impact_simulation, ") as caught:
            use("gone")
        assert caught.value.context == {"config_key": "template_name", "config_value": "gone"}
    with pytest.raises(LLMConfigurationError, match="unknown flow 'gone'; known: diagnose, recommend, what_if"):
        manager.start_agentic_conversation("gone", {})


def test_a_template_may_have_a_variable_called_name_and_itself_be_named_by_keyword() -> None:
    manager = PromptManager()
    manager.register_template(PromptTemplate("greeting", "Hello {name}!"))

    for use in (manager.render_template, lambda *place, **values: manager.create_user_message(*place, **values).content):
        assert use("greeting", name="Ada") == "Hello Ada!"
    assert manager.create_system_message("greeting", name="Ada").metadata["variables"] == {"name": "Ada"}
    with pytest.raises(LLMConfigurationError, match="'greeting' needs the variable 'name'"):
        manager.render_template(name="greeting")
    assert manager.render_template(name="world_model_update", system_id="s", system_state=1, previous_state=2)


def test_badly_written_text_is_refused_when_it_is_registered() -> None:
    manager = PromptManager()

    with pytest.raises(LLMConfigurationError, match=r"'\{a.b\}' is no variable"):
        manager.register_template(PromptTemplate("a", "{a.b}"))
    with pytest.raises(LLMConfigurationError, match="template 'flow f': line 1: '}' is no variable"):
        manager.register_flow(ConversationFlow("f", "F", "d", "go", "stray }"))

    assert "a" not in manager.list_templates()
    assert "f" not in manager.list_flows()


def test_registered_wins_over_directory_wins_over_own(tmp_path: Path) -> None:
    text = "templates: [{name: what_if, template: mine}, {name: diagnose, template: mine}]"
    (tmp_path / "a.yaml").write_text(text)
    manager = PromptManager(str(tmp_path))

    manager.register_template(PromptTemplate("what_if", "registered"))
    manager.reload()

    assert manager.render_template("what_if") == "registered"
    assert manager.render_template("diagnose") == "mine"
    assert "system" in manager.render_template("recommend", system_id="farm", goal="it lasts")


@pytest.mark.parametrize("role", [MessageRole.SYSTEM, MessageRole.USER])
def test_message_says_what_it_was_made_of(role: MessageRole) -> None:
    manager = PromptManager()
    template = PromptTemplate("greeting", "Hello {who}", version="7")
    manager.register_template(template)

    create = manager.create_system_message if role is MessageRole.SYSTEM else manager.create_user_message
    message = create("greeting", who="farm")

    assert (message.role, message.content) == (role, "Hello farm")
    assert message.metadata == {
        "template": "greeting",
        "variables": {"who": "farm"},
        "template_version": "7",
        "template_hash": template.text_hash,
    }


def test_context_comes_before_the_history_and_the_query_after_it() -> None:
    manager, history = PromptManager(), [Message(MessageRole.USER, "before"), Message(MessageRole.ASSISTANT, "yes")]
    context = dict.fromkeys(SEED["system_reasoning"], "known")

    messages = manager.build_conversation_context(context, "now", history)

    assert [message.role for message in messages] == [MessageRole.SYSTEM, MessageRole.USER, MessageRole.ASSISTANT, MessageRole.USER]
    assert messages[1:3] == history
    assert messages[3].content == "now"
    assert len(history) == 2


@pytest.mark.parametrize("context", [None, {}])
def test_no_context_means_no_system_prompt(context: dict[str, object] | None) -> None:
    (message,) = PromptManager().build_conversation_context(context, "now")

    assert (message.role, message.content) == (MessageRole.USER, "now")


def test_a_directory_may_be_given_as_text(tmp_path: Path) -> None:
    write(tmp_path / "a.yml", "hello")

    assert PromptManager(str(tmp_path)).render_template("greeting") == "hello"


def test_file_that_changes_is_read_again_when_that_was_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    write(path, "first")
    watching, still = PromptManager(tmp_path, reload_on_change=True), PromptManager(tmp_path)

    write(path, "second", time_ns=1)

    assert watching.render_template("greeting") == "second"
    assert still.render_template("greeting") == "first"
    still.reload()
    assert still.render_template("greeting") == "second"


def test_file_that_comes_or_goes_is_noticed(tmp_path: Path) -> None:
    manager = PromptManager(tmp_path, reload_on_change=True)
    assert "greeting" not in manager.list_templates()

    write(tmp_path / "a.yml", "hello")
    assert "greeting" in manager.list_templates()

    (tmp_path / "a.yml").unlink()
    assert "greeting" not in manager.list_templates()


def test_file_that_breaks_changes_nothing_and_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "a.yaml"
    write(path, "first")
    manager = PromptManager(tmp_path, reload_on_change=True)

    write(path, "{broken", time_ns=1)
    prompts = [manager.render_template("greeting") for _ in range(3)]

    assert prompts == ["first"] * 3
    (told,) = [record.getMessage() for record in caplog.records]
    assert told.startswith(f"templates stay as they were: {path}: ")
    with pytest.raises(LLMConfigurationError, match=r"'\{' is no variable"):
        manager.reload()

    write(path, "third", time_ns=2)
    assert manager.render_template("greeting") == "third"


def test_export_can_be_loaded_and_holds_everything(tmp_path: Path) -> None:
    manager = PromptManager()
    manager.register_template(PromptTemplate("mine", '{{"a": {x}}}', ["x"], {"by": "me"}, version="3", description="d"))
    manager.register_flow(ConversationFlow("mine", "Mine", "d", "mine", completion_criteria={"a": 1}, metadata={"by": "me"}))

    manager.export_templates(str(tmp_path / "all.yaml"))
    loaded = PromptManager(tmp_path)

    assert (loaded.list_templates(), loaded.list_flows()) == (manager.list_templates(), manager.list_flows())
    assert loaded.get_flow("mine") == manager.get_flow("mine")
    assert [loaded.get_template(name) for name in loaded.list_templates()] == [
        manager.get_template(name) for name in manager.list_templates()
    ]
