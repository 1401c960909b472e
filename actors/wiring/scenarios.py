"""How the runner of scenarios is built in its process."""

from ...core.prompt_manager import PromptManager
from ...core.settings import Settings
from ..links import Links
from ..scenarios import ScenarioActor
from ..sessions import Sessions


def build(links: Links, settings: Settings) -> ScenarioActor:
    """Where control loops run."""
    return ScenarioActor(Sessions(links, settings), PromptManager(settings.prompt_management.template_directory))
