"""What is refused before anything is started, and who owns what several start."""

import asyncio

import pytest
from pydantic import SecretStr

from polaris_llm import LLMConfigurationError, LLMRuntime
from polaris_llm.actors.connection import greeting
from polaris_llm.actors.engine import Address
from polaris_llm.actors.inline_engine import InlineEngine
from polaris_llm.actors.links import Links
from polaris_llm.actors.opening import start_actors, stop_actors
from support.runtime_access import settings_of

OPENAI = {"kind": "openai", "model": "m", "api_key": SecretStr("sk-not-to-be-shown")}


@pytest.mark.parametrize("key", [SecretStr("sk-not-to-be-shown"), lambda: "sk-not-to-be-shown"])
def test_a_key_passed_by_code_does_not_go_to_a_cluster(key: object) -> None:
    with pytest.raises(LLMConfigurationError, match="provider 'default' was passed by code") as caught:
        LLMRuntime.start({"llm": {**OPENAI, "api_key": key}}, engine="ray")

    assert "sk-not" not in str(caught.value.to_dict())


def test_a_key_passed_by_code_may_stay_in_this_process() -> None:
    with LLMRuntime.start({"llm": OPENAI}, engine="inline") as runtime:
        assert "sk-not" not in repr(runtime.settings)


class SlowToFind(InlineEngine):
    """Looks actors up as a cluster does: whoever looks at the same time finds the same."""

    async def find(self, name: str) -> Address | None:
        found = await super().find(name)
        await asyncio.sleep(0)
        return found


@pytest.mark.anyio
async def test_of_several_that_start_a_runtime_at_the_same_time_exactly_one_owns_it() -> None:
    engine, settings = SlowToFind(greeting()), settings_of()
    links = [Links(engine, f"client/{number}", greeting()) for number in range(3)]

    opened = await asyncio.gather(*(start_actors(each, settings) for each in links))

    try:
        assert sorted(each.owner for each in opened) == [False, False, True]
        assert [each.settings for each in opened] == [settings] * 3
    finally:
        await stop_actors(links[0], settings)
        for each in links:
            await each.close()
