"""What a request tells of the templates that its messages were made of."""

from typing import Any

import pytest

from polaris_llm.core.cache_key import cache_key
from polaris_llm.core.flat import flat_request, typed_request
from polaris_llm.core.flows import ConversationFlow
from polaris_llm.core.inference import ModelRequest
from polaris_llm.core.models import LLMRequest, Message, MessageRole
from polaris_llm.core.parts import text_message
from polaris_llm.core.prompt_manager import PromptManager
from polaris_llm.core.prompt_origins import with_origins
from polaris_llm.core.prompt_templates import PromptTemplate
from support.conversations import ScriptedClient, a_manager, echo, says

GREETING = PromptTemplate("greeting", "Hello {name}!", version="3")
RULES = PromptTemplate("rules", "Be brief.")
TOLD = [
    {"name": "rules", "version": "1.0", "hash": RULES.text_hash},
    {"name": "greeting", "version": "3", "hash": GREETING.text_hash},
]


def a_prompt_manager() -> PromptManager:
    """One that knows the two templates."""
    prompts = PromptManager()
    for template in (GREETING, RULES):
        prompts.register_template(template)
    return prompts


def made_messages() -> list[Message]:
    """A message of each template, one of them twice, and one of none."""
    prompts = a_prompt_manager()
    greetings = [prompts.create_user_message("greeting", name=name) for name in ("Ada", "Bob")]
    return [prompts.create_system_message("rules"), *greetings, Message(MessageRole.USER, "Who are you?")]


def templates_of(request: LLMRequest | ModelRequest) -> Any:
    """What the request's metadata tells."""
    return request.metadata.get("templates")


def test_a_request_of_template_messages_tells_name_version_and_hash_of_each_template_once() -> None:
    request = typed_request(LLMRequest(made_messages(), "m"))

    assert templates_of(request) == TOLD
    assert templates_of(flat_request(request)) == TOLD


def test_a_request_that_tells_of_templates_itself_is_left_as_it_is() -> None:
    assert with_origins({"templates": [], "mine": 1}, made_messages()) == {"templates": [], "mine": 1}
    assert with_origins({"mine": 1}, [Message(MessageRole.USER, "Hello")]) == {"mine": 1}


def test_an_answer_is_found_in_the_cache_whatever_the_template_of_an_equal_prompt() -> None:
    plain = ModelRequest(model="m", messages=(text_message("system", "Be brief."),))
    made = typed_request(LLMRequest(made_messages()[:1], "m", tool_choice="auto"))

    assert made.metadata != plain.metadata
    assert cache_key("", made) == cache_key("", plain)


@pytest.mark.anyio
async def test_a_conversation_tells_its_templates_with_every_request() -> None:
    client = ScriptedClient(says("Hello."))
    manager = a_manager(client)
    conversation = manager.create_conversation()
    for message in made_messages()[:2]:
        conversation.add_message(message)

    for text in ("first", "second"):
        await manager.send_message(conversation.conversation_id, text)

    assert [templates_of(request) for request in client.asked] == [TOLD, TOLD]


@pytest.mark.anyio
async def test_a_flow_tells_its_templates_with_every_step() -> None:
    client = ScriptedClient(says("", echo("x")), says("done"))
    manager, prompts = a_manager(client), a_prompt_manager()
    prompts.register_flow(ConversationFlow("f", "F", "d", "greeting", "rules"))
    conversation = manager.add_agentic_conversation(prompts.start_agentic_conversation("f", {"name": "Ada"}))

    await manager.run_agentic_conversation(conversation.conversation_id)

    assert [templates_of(request) for request in client.asked] == [TOLD, TOLD]
