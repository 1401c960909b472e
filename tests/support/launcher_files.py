"""The files for Ray's cluster launcher, and the settings that belong to them."""

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]


def launcher() -> dict[str, Any]:  # as Ray's schema says
    """The content of cluster.yaml."""
    content: dict[str, Any] = yaml.safe_load((ROOT / "cluster.yaml").read_text(encoding="utf-8"))
    return content


def cluster_settings() -> dict[str, Any]:  # as Settings.load takes it
    """The content of cluster-settings.yaml."""
    content: dict[str, Any] = yaml.safe_load((ROOT / "cluster-settings.yaml").read_text(encoding="utf-8"))
    return content


def workers() -> dict[str, dict[str, Any]]:  # as above
    """The node types beside the head, by name."""
    content = launcher()
    return {name: node for name, node in content["available_node_types"].items() if name != content["head_node_type"]}
