"""Checks of settings: whether they load, whether their keys are found, and whether their models answer."""

import asyncio
from collections.abc import Iterator

from pydantic import SecretStr

from ..core.call_context import CallContext
from ..core.client_factory import client_for
from ..core.exceptions import LLMAPIError, LLMConfigurationError, LLMConnectionError, LLMIntegrationError, LLMTimeoutError
from ..core.inference import CachePolicy, ModelRequest
from ..core.parts import text_message
from ..core.provider_settings import ProviderSettings
from ..core.secrets import SecretFunction, current
from ..core.settings import Settings
from .checks import Finding, ok
from .settings_choice import SettingsChoice

ANSWER_TOKENS = 16


def checks_of_settings(choice: SettingsChoice, timeout_s: float | None) -> Iterator[Finding]:
    """All findings, one after another; without a timeout no model is asked."""
    try:
        settings = choice.load()
    except LLMConfigurationError as error:
        yield Finding(check="settings", verdict="wrong", detail=error.message)
        return
    yield _settings_finding(choice)
    for name, provider in settings.all_providers.items():
        yield from _provider_findings(name, provider, timeout_s)


def _settings_finding(choice: SettingsChoice) -> Finding:
    if choice.settings is None:
        return ok("settings", "no file is given: the defaults, and what the options say")
    loaded = Settings.load_with_notes(choice.settings, choice.profile)
    unused = sum(not note.is_used for note in loaded.notes)
    if not unused:
        return ok("settings", f"{loaded.source} loads, and all of it is used")
    detail = f"{loaded.source} loads, but {unused} of its settings are not used"
    remedy = f"see which, and why: polaris-llm config check {choice.settings}"
    return Finding(check="settings", verdict="warning", detail=detail, remedy=remedy)


def _provider_findings(name: str, provider: ProviderSettings, timeout_s: float | None) -> Iterator[Finding]:
    keys = [asyncio.run(key_finding(name, reference)) for reference in provider.keys]
    yield from keys
    check = f"model of {name}"
    if any(key.verdict == "wrong" for key in keys):
        yield Finding(check=check, verdict="skipped", detail="not asked without its key")
    elif timeout_s is None:
        yield Finding(check=check, verdict="skipped", detail="not asked (--offline)")
    else:
        yield asyncio.run(model_finding(name, provider, timeout_s))


async def key_finding(name: str, reference: str | SecretStr | SecretFunction) -> Finding:
    """Whether something is found where a key of the provider's should be, here."""
    try:
        await current(reference)
    except LLMIntegrationError as error:
        return Finding(check=f"key of {name}", verdict="wrong", detail=error.message)
    return ok(f"key of {name}", f"something is found at {reference}; on a cluster it must be there on the provider's node")


async def model_finding(name: str, provider: ProviderSettings, timeout_s: float) -> Finding:
    """Whether the provider gives one short answer, at the first attempt."""
    check = f"model of {name}"
    hasty = provider.model_copy(update={"max_retries": 0, "timeout_s": min(provider.timeout_s, timeout_s)})
    request = ModelRequest(
        model=provider.model, messages=(text_message("user", "Say ok."),), max_tokens=ANSWER_TOKENS, cache=CachePolicy(mode="bypass")
    )
    try:
        async with asyncio.timeout(timeout_s), client_for(hasty) as client:
            response = await client.respond(request, CallContext(remaining_s=timeout_s))
    except TimeoutError:
        return _silent(check, provider, f"no answer within {timeout_s:g} s")
    except LLMIntegrationError as error:
        return _silent(check, provider, error.message, error)
    return ok(check, f"{provider.kind} {provider.model} answered in {response.latency_s:.1f} s")


def _silent(check: str, provider: ProviderSettings, detail: str, error: LLMIntegrationError | None = None) -> Finding:
    match error:
        case None | LLMTimeoutError():
            remedy = "see whether the server is busy; allow more time with --timeout"
        case LLMConnectionError():
            remedy = f"start the model server, or mend base_url ({provider.base_url or 'the default of its kind'})"
        case LLMAPIError(status_code=401 | 403):
            remedy = "the key was refused: put a valid one where api_key says"
        case LLMAPIError(status_code=404):
            remedy = f"see whether base_url is right, and whether the server has the model {provider.model!r}"
        case _:
            remedy = ""
    return Finding(check=check, verdict="wrong", detail=detail, remedy=remedy)
