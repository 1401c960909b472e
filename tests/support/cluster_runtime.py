"""Runtimes on a real Ray cluster: their settings, and what tests see and do of their actors' processes."""

import os
import signal
import uuid
from pathlib import Path
from typing import Any

import anyio

from polaris_llm.actors.mailbox import HEALTH
from polaris_llm.actors.runtime import LLMRuntime
from polaris_llm.core.call_context import CallContext
from polaris_llm.core.events import Event
from polaris_llm.core.exceptions import OutcomeUnknownError
from polaris_llm.core.settings import Settings

from .cluster_gates import SHUT_S
from .runtime_access import links_of, loop_of, names_of
from .tools_processes import DEADLINE_S, gone

TESTS = str(Path(__file__).parent.parent)
"""Must be on the PYTHONPATH of a cluster's processes, for they find models and tools by import path."""
RESULT_S = 90.0
"""Seconds that any session of these tests may take, the start of a new process included."""


def settings_of(name: str, **sections: Any) -> Settings:  # the settings' sections
    """Settings with as few processes as possible; a section that is given replaces single values of the usual one."""
    usual: dict[str, Any] = {
        "llm": {"script": "support.cluster_model:play"},
        "tool_registry": {"workers": 1, "tools": [pool_tool("own_process")], "timeout_s": SHUT_S, "max_result_chars": 6_000_000},
        "caching": {"enabled": False},
        "runtime": {"name": name, "num_cpus": 2},
    }
    return Settings.load({section: usual.get(section, {}) | sections.get(section, {}) for section in usual | sections})


def new_name() -> str:
    """A runtime's name, or a session's, that no other test has."""
    return f"test-{uuid.uuid4().hex[:8]}"


def pool_tool(name: str) -> str:
    """The reference of a tool of these tests."""
    return f"support.cluster_tools:{name}"


async def pid_of(runtime: LLMRuntime, role: str) -> int:
    """The process of an actor, such as `tools/0`."""
    facts = (await runtime.ahealth())["actors"][f"{runtime.settings.runtime.name}/{role}"]
    pid: int = facts["pid"]
    return pid


async def own_host_pid(runtime: LLMRuntime, session_id: str) -> int:
    """The process of a session that has one of its own, which may have taken the place of another."""
    link = links_of(runtime).to(names_of(runtime).own_host(session_id))
    try:
        facts = await loop_of(runtime).arun(link.ask(HEALTH, CallContext()))
    except OutcomeUnknownError:  # the news that the other one is gone
        facts = await loop_of(runtime).arun(link.ask(HEALTH, CallContext()))
    pid: int = facts["pid"]
    return pid


async def kill(pid: int) -> None:
    """End a process as the kernel does, and return when it is gone."""
    os.kill(pid, signal.SIGKILL)
    await gone(pid, DEADLINE_S)


async def replaced(runtime: LLMRuntime, role: str, pid: int) -> int:
    """The process that took the place of an actor's process `pid`."""
    with anyio.fail_after(RESULT_S):
        while True:
            facts = (await runtime.ahealth())["actors"].get(f"{runtime.settings.runtime.name}/{role}", {})  # a hired worker may be away
            if facts.get("pid", pid) != pid:
                new_pid: int = facts["pid"]
                return new_pid


async def events_of(runtime: LLMRuntime, session_id: str, after: int = 0) -> list[Event]:
    """A session's events, to the end of its run."""
    return [event async for event in runtime.session(session_id).astream(after, RESULT_S)]


async def tool_contents(runtime: LLMRuntime, session_id: str) -> list[Any]:  # JSON
    """What the tools of a session answered, to the end of its run."""
    return [event.content for event in await events_of(runtime, session_id) if event.kind == "tool_completed"]
