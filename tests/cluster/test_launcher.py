"""cluster.yaml and the settings that belong to it: Ray accepts the file, and the two say the same."""

import sys

import pytest
import ray
import yaml
from jsonschema import ValidationError
from ray.autoscaler._private.util import prepare_config, validate_config

from polaris_llm.actors.roster import actor_specs, spare_workers, supervisor_spec
from polaris_llm.core.settings import Settings
from support.launcher_files import ROOT, cluster_settings, launcher, workers

SETTINGS = Settings.load(ROOT / "cluster-settings.yaml")
ACTORS = (supervisor_spec(SETTINGS), *actor_specs(SETTINGS), *(spec for specs in spare_workers(SETTINGS).values() for spec in specs))


def test_ray_accepts_the_file() -> None:
    prepared = prepare_config(launcher())

    validate_config(prepared)

    assert prepared["available_node_types"]["head"]["max_workers"] == 0


def test_ray_refuses_the_file_when_a_field_is_misspelt() -> None:
    content = launcher()
    content["available_node_types"]["tools"]["label"] = content["available_node_types"]["tools"].pop("labels")

    with pytest.raises(ValidationError, match="'label' was unexpected"):
        validate_config(prepare_config(content))


def test_every_actor_is_placed_on_exactly_one_kind_of_node_and_none_on_the_head() -> None:
    kinds = {
        spec.name.split("/")[1]: [name for name, node in workers().items() if spec.placement.labels.items() <= node["labels"].items()]
        for spec in ACTORS
    }

    assert kinds.pop("tools") == ["tools"]
    assert set(map(tuple, kinds.values())) == {("core",)}
    assert "labels" not in launcher()["available_node_types"]["head"]


def test_the_head_has_no_cpus_and_all_nodes_have_the_same_ray_and_python() -> None:
    content = launcher()
    pinned = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line.startswith("ray==")]

    assert content["available_node_types"]["head"]["resources"] == {"CPU": 0}
    assert "--num-cpus=0" in content["head_start_ray_commands"][-1]
    assert pinned == [f"ray=={ray.__version__}"]
    assert content["docker"]["image"] == f"rayproject/ray:{ray.__version__}-py311"
    assert sys.version_info >= (3, 11)


def test_the_token_is_asked_for_and_brought_to_every_node() -> None:
    content = launcher()

    assert any("RAY_AUTH_MODE=token" in option for option in content["docker"]["run_options"])
    assert content["file_mounts"]["~/.ray/auth_token"] == "~/.ray/auth_token"


def test_the_models_key_is_only_on_the_nodes_that_call_models() -> None:
    (place,) = {provider.api_key for provider in SETTINGS.all_providers.values()}
    home = "/home/ray"
    folder = str(place).removeprefix("file:~/").rpartition("/")[0]
    holders = {name for name, node in workers().items() if f":{home}/{folder}:ro" in yaml.dump(node.get("docker", {}))}
    readers = {name for name, node in workers().items() if "IamInstanceProfile" in node["node_config"]}

    assert holders == readers == {name for name, node in workers().items() if SETTINGS.provider().labels == node["labels"]}
    everywhere = yaml.dump({name: value for name, value in launcher().items() if name != "available_node_types"})
    assert f"/{folder}" not in everywhere


def test_nodes_install_what_the_makefile_puts_into_the_folder_that_they_get() -> None:
    content = launcher()
    recipe = (ROOT / "Makefile").read_text().partition("\nwheel:")[2].partition("\n\n")[0]

    assert content["file_mounts"]["~/polaris-llm"] == "dist"
    assert "--wheel --outdir dist" in recipe
    assert "cp constraints.txt cluster-settings.yaml dist" in recipe
    assert "--constraint ~/polaris-llm/constraints.txt ~/polaris-llm/polaris_llm-*.whl" in content["setup_commands"][0]


def test_ray_ends_no_node_that_an_actor_is_on() -> None:
    idle = {spec.name.split("/")[1] for spec in ACTORS if spec.placement.num_cpus == 0}  # as Ray sees their nodes

    assert "tools" not in idle
    assert workers()["core"]["min_workers"] == workers()["core"]["max_workers"]


def test_a_worker_asks_for_no_more_than_its_node_has() -> None:
    cpus = workers()["tools"]["resources"]["CPU"]

    assert 0 < SETTINGS.tool_registry.num_cpus <= cpus
    assert cluster_settings()["tool_registry"]["max_workers"] <= cpus * workers()["tools"]["max_workers"] / SETTINGS.tool_registry.num_cpus
