"""What is refused before anything is started."""

import pytest
from pydantic import SecretStr

from polaris_llm import LLMConfigurationError, LLMRuntime

OPENAI = {"kind": "openai", "model": "m", "api_key": SecretStr("sk-not-to-be-shown")}


@pytest.mark.parametrize("key", [SecretStr("sk-not-to-be-shown"), lambda: "sk-not-to-be-shown"])
def test_a_key_passed_by_code_does_not_go_to_a_cluster(key: object) -> None:
    with pytest.raises(LLMConfigurationError, match="provider 'default' was passed by code") as caught:
        LLMRuntime.start({"llm": {**OPENAI, "api_key": key}}, engine="ray")

    assert "sk-not" not in str(caught.value.to_dict())


def test_a_key_passed_by_code_may_stay_in_this_process() -> None:
    with LLMRuntime.start({"llm": OPENAI}, engine="inline") as runtime:
        assert "sk-not" not in repr(runtime.settings)
