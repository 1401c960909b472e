"""Which tools the settings offer, and what they say of each."""

import pytest

from polaris_llm.core.configured_tools import configured_tool, enabled_tools
from polaris_llm.core.settings import Settings
from polaris_llm.core.tool_registry import ToolCallContext

NAMES = ["support.tools_sample:add", "support.tools_sample:NoteTool"]


@pytest.mark.parametrize(("disabled", "offered"), [([], NAMES), (["note"], NAMES[:1]), (["add", "note", "nowhere"], [])])
def test_a_disabled_tool_is_not_offered(disabled: list[str], offered: list[str]) -> None:
    settings = Settings.load({"tool_registry": {"tools": NAMES}, "tools": {name: {"enabled": False} for name in disabled}})

    assert enabled_tools(settings) == tuple(offered)


def test_what_the_settings_say_of_a_tool_holds_over_what_it_says_of_itself() -> None:
    said = {name: {"timeout": 9.0, "cache_ttl": 60, "max_result_chars": 50} for name in ("block_briefly", "note", "process_id")}
    patience, notes, unlisted = (f"support.tools_sample:{name}" for name in ("block_briefly", "NoteTool", "process_id"))
    settings = Settings.load({"tools": said, "tool_registry": {"tools": [patience, notes, NAMES[0]]}})

    patient, kept, plain, free = (configured_tool(settings, name) for name in (patience, notes, NAMES[0], unlisted))

    assert (patient.get_schema().timeout_s, patient.is_async, patient.name) == (9.0, False, "block_briefly")
    assert (kept.get_schema().cache_ttl_s, kept.get_schema().timeout_s, kept.get_schema().max_result_chars) == (60.0, 9.0, 50)
    assert (plain.get_schema().timeout_s, free.get_schema().timeout_s) == (None, None)


def test_a_tool_that_must_run_every_time_is_never_kept_and_that_is_told(caplog: pytest.LogCaptureFixture) -> None:
    tool = configured_tool(Settings.load({"tool_registry": {"tools": NAMES}, "tools": {"add": {"cache_ttl": 60}}}), NAMES[0])

    assert tool.get_schema().kept_for_s == 0
    assert [record.getMessage() for record in caplog.records] == [
        "tools.add.cache_ttl_s is not used: the tool's effect is 'once', so every call runs"
    ]


@pytest.mark.anyio
async def test_a_configured_tool_answers_as_the_tool_itself() -> None:
    references = [f"support.tools_sample:{name}" for name in ("who_asks", "NoteTool")]
    settings = Settings.load({"tool_registry": {"tools": references}, "tools": {name: {"timeout": 5.0} for name in ("who_asks", "note")}})
    asks, notes = (configured_tool(settings, reference) for reference in references)
    call = ToolCallContext(run_id="r", context={"system": "swim"})

    answer = await asks.execute_with_context({"question": "why"}, call)

    assert (answer["run"], answer["context"]) == ("r", {"system": "swim"})
    assert (asks.is_async, asks.reads_call, notes.reads_call) == (True, True, False)
    assert await notes.validate_parameters({"text": "x"}) is True
    assert notes.execute({"text": "x"})["noted"] == "x"
