"""Which tools the settings let the pool offer."""

import pytest

from polaris_llm.actors.wiring.tools import enabled_tools
from polaris_llm.core.settings import Settings

NAMES = ["support.tools_sample:add", "support.tools_sample:NoteTool"]


@pytest.mark.parametrize(("disabled", "offered"), [([], NAMES), (["note"], NAMES[:1]), (["add", "note", "nowhere"], [])])
def test_a_disabled_tool_is_not_offered(disabled: list[str], offered: list[str]) -> None:
    settings = Settings.load({"tool_registry": {"tools": NAMES}, "tools": {name: {"enabled": False} for name in disabled}})

    assert enabled_tools(settings) == tuple(offered)
