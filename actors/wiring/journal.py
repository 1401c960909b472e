"""How the journal is built in its process."""

from ...core.settings import Settings
from ..journal import JournalActor
from ..links import Links


def build(links: Links, settings: Settings) -> JournalActor:
    """The logs of all sessions."""
    return JournalActor(settings.runtime.journal_max_sessions, settings.runtime.journal_max_bytes)
