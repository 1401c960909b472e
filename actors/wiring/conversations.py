"""How a host of sessions is built in its process."""

from ...core.driver import Ports
from ...core.runs import RunSpec
from ...core.settings import Settings
from ..callers import CallerDeskHandle
from ..conversation import ConversationHost
from ..journal import JournalHandle
from ..links import Links
from ..names import Names
from ..tool_pools import tool_pools
from ..tools import SessionTools
from .model import model_port


def build(links: Links, settings: Settings, host_name: str) -> ConversationHost:
    """A host of sessions: those that `Names.host_of` gives it, or the one that it was created for."""
    names = Names(settings)
    journal = JournalHandle(links.to(names.journal))
    pools = tool_pools(links, settings)
    desk = CallerDeskHandle(links.to(names.callers))
    models = {name: model_port(links, settings, name) for name in settings.all_providers}

    def ports_for(spec: RunSpec) -> Ports:
        settings.provider(spec.provider)  # raises for an unknown one
        return Ports(model=models[spec.provider], tools=SessionTools(spec, desk, pools), journal=journal, callers=desk)

    is_shared = host_name in names.hosts
    home_of = names.host_of if is_shared else names.own_host

    async def open_sessions() -> list[str]:
        return [session_id for session_id in await journal.open_sessions() if home_of(session_id) == host_name]

    sessions = settings.conversation_management.max_sessions_per_host if is_shared else 1
    return ConversationHost(journal, ports_for, open_sessions, max_sessions=sessions, isolation="host" if is_shared else "process")
