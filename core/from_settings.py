"""The contract's objects for one process, as the settings want them; a runtime's actors take theirs from the same settings."""

from .cache import LLMCache
from .client_factory import client_for
from .configured_tools import configured_tool, enabled_tools
from .conversation_manager import ConversationManager
from .llm_client import LLMClient
from .prompt_manager import PromptManager
from .response_parser import ResponseParser
from .runs import RunLimits
from .settings import Settings
from .tool_registry import ToolRegistry

HOUR_S = 3600.0


def conversation_manager_for(settings: Settings, provider: str = "default", *, client: LLMClient | None = None) -> ConversationManager:
    """Conversations with a provider of the settings, or with a client that is there already; close its `llm_client` in the end."""
    wanted = settings.conversation_management
    if client is None:
        client = client_for(settings.provider(provider))
        client.config = client.config.model_copy(update={"enable_function_calling": wanted.protocol != "json"})
    return ConversationManager(
        client,
        tool_registry_for(settings),
        ResponseParser(),
        wanted.max_conversations,
        max_messages=wanted.max_messages_per_conversation,
        cache=cache_for(settings) or False,
        ttl_s=wanted.cleanup_interval_hours * HOUR_S,
        limits=RunLimits(max_steps=wanted.max_steps, deadline_s=wanted.deadline_s),
        max_temperature=settings.caching.max_temperature,
        prompts=prompt_manager_for(settings),
    )


def prompt_manager_for(settings: Settings) -> PromptManager:
    """The package's own templates, and those of the settings' directory."""
    return PromptManager(settings.prompt_management.template_directory)


def tool_registry_for(settings: Settings) -> ToolRegistry:
    """The tools that the settings list and do not disable, each with its own limits."""
    wanted = settings.tool_registry
    registry = ToolRegistry(default_timeout_s=wanted.timeout_s, max_result_characters=wanted.max_result_chars)
    for pool in wanted.all_pools:
        for reference in enabled_tools(settings, pool):
            registry.register_tool(configured_tool(settings, reference))
    return registry


def cache_for(settings: Settings) -> LLMCache | None:
    """The cache of both kinds of answers; None where it is disabled."""
    wanted = settings.caching
    if not wanted.enabled:
        return None
    return LLMCache(wanted.max_entries, wanted.default_ttl_s, max_bytes=wanted.max_bytes)
