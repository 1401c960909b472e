"""Prompt templates and flows by name: the package's own, those of a directory, which win, and those registered, which win over both."""

import logging
from collections import ChainMap
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any, TypeVar

from .exceptions import LLMConfigurationError
from .flows import ConversationFlow
from .models import AgenticConversation, Message, MessageRole
from .prompt_files import BUILT_IN, PromptSet, file_stamp, read_directory, write_file
from .prompt_templates import PromptTemplate

__all__ = ["ConversationFlow", "PromptManager", "PromptTemplate"]

logger = logging.getLogger(__name__)

Named = TypeVar("Named")


class PromptManager:
    """Finds templates and flows, and makes messages and conversations of them."""

    def __init__(self, template_directory: str | Path | None = None, *, reload_on_change: bool = False) -> None:
        self._directory = Path(template_directory) if template_directory else None
        self._watched = self._directory if reload_on_change else None
        self._seen = file_stamp(self._watched) if self._watched else ()
        own = read_directory(BUILT_IN)
        self._templates: ChainMap[str, PromptTemplate] = ChainMap({}, {}, own.templates)
        self._flows: ChainMap[str, ConversationFlow] = ChainMap({}, {}, own.flows)
        self.reload()

    def reload(self) -> None:
        """Read the directory again; raises LLMConfigurationError for a file that is wrong, and then nothing has changed."""
        if self._directory:
            found = read_directory(self._directory)
            self._templates.maps[1], self._flows.maps[1] = found.templates, found.flows

    def get_template(self, name: str) -> PromptTemplate:
        """The template; raises LLMConfigurationError for an unknown name."""
        self._reload_if_changed()
        return _found("template", self._templates, name, "template_name")

    def register_template(self, template: PromptTemplate) -> None:
        """Add a template, or replace the one of its name; raises LLMConfigurationError if its text is not well written."""
        template.check()
        self._templates[template.name] = template

    def list_templates(self) -> list[str]:
        """The names, sorted."""
        self._reload_if_changed()
        return sorted(self._templates)

    def get_flow(self, flow_id: str) -> ConversationFlow:
        """The flow; raises LLMConfigurationError for an unknown id."""
        self._reload_if_changed()
        return _found("flow", self._flows, flow_id, "flow_id")

    def register_flow(self, flow: ConversationFlow) -> None:
        """Add a flow, or replace the one of its id; raises LLMConfigurationError if a prompt of it is not well written."""
        flow.check()
        self._flows[flow.flow_id] = flow

    def list_flows(self) -> list[str]:
        """The ids, sorted."""
        self._reload_if_changed()
        return sorted(self._flows)

    def render_template(self, name: str = "", /, **variables: Any) -> str:  # whatever the template shows
        """The prompt; raises LLMConfigurationError for an unknown template, or a variable that is missing.

        `name=` names the template too; where that is given by place, `name=` is a variable like any other. So it is below.
        """
        return _rendered(self._named(name, variables), variables)

    def create_system_message(self, name: str = "", /, **variables: Any) -> Message:  # as above
        """The prompt as a message of the system, which says in its metadata what it was made of."""
        return _message(MessageRole.SYSTEM, self._named(name, variables), variables, variables=variables)

    def create_user_message(self, name: str = "", /, **variables: Any) -> Message:  # as above
        """The prompt as a message of the user, which says in its metadata what it was made of."""
        return _message(MessageRole.USER, self._named(name, variables), variables, variables=variables)

    def build_conversation_context(
        self,
        system_context: dict[str, Any] | None,  # the variables of system_reasoning
        user_query: str,
        conversation_history: list[Message] | None = None,
    ) -> list[Message]:
        """What to send: the system prompt if there is a context, the history, the query."""
        system = [self.create_system_message("system_reasoning", **system_context)] if system_context else []
        return [*system, *(conversation_history or ()), Message(MessageRole.USER, user_query)]

    def start_agentic_conversation(
        self,
        flow_id: str,
        context: dict[str, Any],  # whatever the prompts and the tools need
        **variables: Any,  # whatever the prompts show
    ) -> AgenticConversation:
        """A conversation that begins as the flow says.

        Its prompts show the flow's `available_tools`, the whole `context`, each key of the context, and the variables; the later wins.
        What the flow asks for goes into the conversation's context: flow_id, completion_criteria, and available_tools unless all are.
        """
        flow = self.get_flow(flow_id)
        tools = list(flow.available_tools)
        values = {"available_tools": ", ".join(tools) or "all that are registered", "context": context, **context, **variables}
        asked = {"flow_id": flow_id, "completion_criteria": deepcopy(flow.completion_criteria)} | (
            {"available_tools": tools} if tools else {}
        )
        conversation = AgenticConversation(context={**context, **asked}, max_iterations=flow.max_iterations)
        for role, prompt in ((MessageRole.SYSTEM, flow.system_prompt), (MessageRole.USER, flow.initial_prompt)):
            if prompt:
                template = self._templates.get(prompt) or flow.own_template(prompt)
                conversation.add_message(_message(role, template, values, flow_id=flow_id))
        return conversation

    def export_templates(self, path: str | Path) -> None:
        """Write all templates and flows to one file, of the shape that directories are read from."""
        self._reload_if_changed()
        write_file(Path(path), PromptSet(templates=dict(self._templates), flows=dict(self._flows)))

    def _named(self, name: str, variables: dict[str, Any]) -> PromptTemplate:  # as given
        """The template; a name that was not given by place is taken from the variables."""
        return self.get_template(name or variables.pop("name", name))

    def _reload_if_changed(self) -> None:
        if self._watched is None or (seen := file_stamp(self._watched)) == self._seen:
            return
        self._seen = seen
        try:
            self.reload()
        except LLMConfigurationError as error:
            logger.warning("templates stay as they were: %s", error)


def _found(kind: str, known: Mapping[str, Named], name: str, config_key: str) -> Named:
    if name in known:
        return known[name]
    message = f"unknown {kind} {name!r}; known: {', '.join(sorted(known))}"
    raise LLMConfigurationError(message, config_key=config_key, config_value=name)


def _message(role: MessageRole, template: PromptTemplate, values: dict[str, Any], **facts: Any) -> Message:  # JSON
    return Message(role, _rendered(template, values), metadata={**template.origin, **facts})


def _rendered(template: PromptTemplate, values: dict[str, Any]) -> str:  # any values
    try:
        return template.render(**values)
    except KeyError as error:
        needed = error.args[0]
        message = f"template {template.name!r} needs the variable {needed!r}; given: {', '.join(sorted(values)) or 'none'}"
        raise LLMConfigurationError(message, config_key="template_variables", config_value=needed, cause=error) from error
