"""The contract's objects as the settings want them, in one process."""

from pathlib import Path
from typing import Any

import pytest

from polaris_llm.core.client import MockLLMClient
from polaris_llm.core.exceptions import LLMConfigurationError
from polaris_llm.core.from_settings import cache_for, conversation_manager_for, prompt_manager_for, tool_registry_for
from polaris_llm.core.models import LLMProvider
from polaris_llm.core.settings import Settings
from support.conversations import FunctionalTool, ScriptedClient, a_config, a_manager, says
from support.polaris_files import POLARIS_FILE, write_file


def test_polariss_own_limits_hold_for_conversations(tmp_path: Path) -> None:
    (tmp_path / "prompts").mkdir()
    settings = Settings.load(write_file(tmp_path, POLARIS_FILE.replace("./prompts", f"{tmp_path}/prompts")), "trial")
    manager = conversation_manager_for(settings, client=MockLLMClient())

    assert (manager.max_conversations, manager.create_conversation().max_messages) == (40, 30)
    assert manager.tool_registry.list_tools() == ["calculator"]
    assert [schema.timeout_s for schema in manager.tool_registry.schemas()] == [5.0]
    assert manager.cache is not None
    assert (manager.cache.max_size, manager.cache.default_ttl) == (800, 420)


@pytest.mark.parametrize(("protocol", "calls"), [("native", True), ("json", False)])
def test_a_client_made_for_conversations_calls_tools_as_the_protocol_says(protocol: str, calls: bool) -> None:
    manager = conversation_manager_for(Settings.load({"llm": {"model": "m"}, "conversation_management": {"protocol": protocol}}))

    assert manager.llm_client.config.model_name == "m"
    assert manager.llm_client.config.enable_function_calling is calls


def test_a_conversation_that_nobody_used_goes_after_the_settings_hours() -> None:
    settings = Settings.load({"conversation_management": {"cleanup_interval_hours": 1e-9}})
    manager = conversation_manager_for(settings)

    conversation = manager.create_conversation()

    assert manager.get_conversation(conversation.conversation_id) is None


def test_templates_come_from_the_settings_directory(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("templates: [{name: mine, template: Hello}]")
    settings = Settings.load({"prompt_management": {"template_directory": str(tmp_path)}})

    assert prompt_manager_for(settings).render_template("mine") == "Hello"


def test_the_settings_bounds_hold_for_tools_and_for_the_cache() -> None:
    settings = Settings.load(
        {"tool_registry": {"timeout_s": 3.0, "max_result_chars": 9}, "caching": {"max_bytes": 7}, "tools": {"echo": {"enabled": False}}}
    )

    cache = cache_for(settings)

    assert tool_registry_for(settings).list_tools() == ["calculator"]
    assert cache is not None
    assert cache_for(Settings.load({"caching": {"enabled": False}})) is None
    assert conversation_manager_for(Settings.load({"caching": {"enabled": False}})).cache is None


def test_a_client_that_is_there_already_is_taken_and_an_unknown_provider_is_refused() -> None:
    client = MockLLMClient()

    assert conversation_manager_for(Settings(), client=client).llm_client is client
    with pytest.raises(LLMConfigurationError, match="unknown provider 'gone'"):
        conversation_manager_for(Settings(), "gone")


def a_local_client(*answers: str, **changes: Any) -> ScriptedClient:
    """One whose answers count as a model's, and not as a mock's."""
    return ScriptedClient(*(says(answer) for answer in answers), config=a_config(provider=LLMProvider.LOCAL, **changes))


@pytest.mark.anyio
@pytest.mark.parametrize(("changes", "asked"), [({}, 1), ({"cache_ttl": 0}, 2), ({"temperature": 0.9}, 2)])
async def test_a_manager_keeps_answers_by_itself(changes: dict[str, Any], asked: int) -> None:
    client = a_local_client("first", "second", **changes)
    manager = a_manager(client)

    for _ in range(2):
        await manager.send_message(manager.create_conversation().conversation_id, "Hello")

    assert len(client.asked) == asked


@pytest.mark.anyio
@pytest.mark.parametrize(("max_temperature", "asked"), [(0.3, 2), (0.9, 1)])
async def test_answers_are_kept_that_are_sampled_no_hotter_than_the_settings_say(max_temperature: float, asked: int) -> None:
    client = a_local_client("first", "second", temperature=0.8)
    manager = conversation_manager_for(Settings.load({"caching": {"max_temperature": max_temperature}}), client=client)

    for _ in range(2):
        await manager.send_message(manager.create_conversation().conversation_id, "Hello")

    assert len(client.asked) == asked


def test_agents_are_told_what_to_do_by_the_template_of_the_settings_directory(tmp_path: Path) -> None:
    template = "{name: agentic_reasoning, template: 'Do {reasoning_objective} with {available_tools}, knowing {context}', format: brace}"
    (tmp_path / "mine.yaml").write_text(f"templates: [{template}]")
    settings = Settings.load({"prompt_management": {"template_directory": str(tmp_path)}, "tools": {"echo": {"enabled": False}}})

    conversation = conversation_manager_for(settings).create_agentic_conversation("good", context={"load": 3})

    assert conversation.messages[0].content == 'Do good with calculator, knowing {"load": 3}'


@pytest.mark.anyio
async def test_a_mock_is_played_as_written_unless_it_is_given_a_cache() -> None:
    client = ScriptedClient(says("first"), says("second"))
    manager = a_manager(client)

    answers = [await manager.send_message(manager.create_conversation().conversation_id, "Hello") for _ in range(2)]

    assert [answer.content for answer in answers if answer] == ["first", "second"]


@pytest.mark.anyio
@pytest.mark.parametrize(("ttl_s", "runs"), [(60.0, 1), (None, 2), (0.0, 2)])
async def test_a_managers_own_cache_keeps_results_of_tools_that_say_for_how_long(ttl_s: float | None, runs: int) -> None:
    count = []

    async def look() -> int:
        count.append(1)
        return len(count)

    client = a_local_client('{"action": "use_tool", "tool_name": "look"}', "done", '{"action": "use_tool", "tool_name": "look"}', "done")
    manager = a_manager(client)
    manager.tool_registry.register_tool(FunctionalTool("look", look, "pure", cache_ttl_s=ttl_s))

    for objective in ("first", "second"):
        await manager.run_agentic_conversation(manager.create_agentic_conversation(objective).conversation_id)

    assert len(count) == runs
