"""How the supervisor is built in its process."""

from ...core.settings import Settings
from ..links import Links
from ..own_hosts import OwnHosts
from ..roster import actor_specs, spare_workers
from ..supervisor import Supervisor


def build(links: Links, settings: Settings, founder: str) -> Supervisor:
    """The keeper of all others."""
    runtime = settings.runtime
    lease_s = None if runtime.detached or runtime.engine == "inline" else runtime.lease_s  # inline, owner and supervisor die together
    return Supervisor(
        links,
        actor_specs(settings),
        settings,
        owner_lease_s=lease_s,
        spare=[spec.name for specs in spare_workers(settings).values() for spec in specs],
        founder=founder,
        own_hosts=OwnHosts(links, settings),
    )
