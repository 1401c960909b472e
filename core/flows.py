"""Flows: how an agentic conversation begins, which tools it may use and when it ends."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from pydantic import ConfigDict

from .prompt_templates import PromptTemplate


@dataclass
class ConversationFlow:
    """The beginning and the limits of a conversation; each prompt is the name of a template, or a brace text of its own."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")  # for the files it is read from

    flow_id: str
    name: str
    description: str
    initial_prompt: str
    system_prompt: str | None = None
    available_tools: list[str] = field(default_factory=list)
    """Empty: all that are registered."""
    max_iterations: int = 10
    completion_criteria: dict[str, Any] = field(default_factory=dict)  # JSON
    metadata: dict[str, Any] = field(default_factory=dict)  # JSON

    def check(self) -> None:
        """Raise LLMConfigurationError if a prompt is not well written; the name of a template always is."""
        for prompt in (self.initial_prompt, self.system_prompt):
            self.own_template(prompt or "").check()

    def own_template(self, prompt: str) -> PromptTemplate:
        """The template that a prompt is when it is no template's name."""
        return PromptTemplate(f"flow {self.flow_id}", prompt)
