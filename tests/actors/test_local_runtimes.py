"""Where runtimes of this machine are: told by whoever serves them, to this user, for as long as they are served."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from polaris_llm.actors.local_runtimes import LocalRuntime, Place, state_folder, with_local_address
from polaris_llm.core.exceptions import LLMConfigurationError
from polaris_llm.core.settings import Settings

HERE = LocalRuntime(name="farm", namespace="field", address="10.0.0.1:6379", pid=1, started_at=2.0)


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"XDG_STATE_HOME": str(tmp_path)}


def test_a_served_runtime_is_found_by_its_name_until_it_is_no_longer_served(environ: dict[str, str]) -> None:
    with Place("farm", environ).held():
        assert Place("farm", environ).find() is None
        Place("farm", environ).announce(HERE)
        assert Place("farm", environ).find() == HERE
        assert Place("other", environ).find() is None

    assert Place("farm", environ).find() is None


def test_only_the_user_can_read_where_it_is(environ: dict[str, str]) -> None:
    with Place("farm", environ).held():
        Place("farm", environ).announce(HERE)

        folder = state_folder(environ)
        modes = {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
        assert (stat.S_IMODE(folder.stat().st_mode), modes) == (0o700, {0o600})


def test_one_name_is_served_once(environ: dict[str, str]) -> None:
    second = Place("farm", environ).held()

    with Place("farm", environ).held(), pytest.raises(LLMConfigurationError, match="'farm' is being served on this machine already"):
        second.__enter__()


def test_the_record_of_a_process_that_died_counts_for_nothing(environ: dict[str, str]) -> None:
    program = (
        "import os; from polaris_llm.actors.local_runtimes import LocalRuntime, Place; place = Place('farm')\n"
        "with place.held():\n"
        "    place.announce(LocalRuntime(name='farm', namespace='n', address='a:1', pid=os.getpid(), started_at=1.0))\n"
        "    os._exit(9)"
    )
    died = subprocess.run([sys.executable, "-c", program], env=environ, timeout=60, check=False)

    assert died.returncode == 9
    assert [path.suffix for path in state_folder(environ).glob("*.json")] == [".json"]
    assert Place("farm", environ).find() is None
    assert Place("farm", environ).released(0)


def test_a_record_that_cannot_be_read_counts_for_nothing(environ: dict[str, str]) -> None:
    with Place("farm", environ).held():
        Place("farm", environ).announce(HERE)
        next(state_folder(environ).glob("*.json")).write_text("{}")

        assert Place("farm", environ).find() is None


def test_settings_without_an_address_take_that_of_the_served_runtime(environ: dict[str, str]) -> None:
    settings = Settings.load({"runtime": {"name": "farm"}})
    elsewhere = Settings.load({"runtime": {"name": "farm", "address": "b:1"}})
    inline = Settings.load({"runtime": {"name": "farm", "engine": "inline"}})

    assert with_local_address(settings, environ) == settings
    with Place("farm", environ).held():
        Place("farm", environ).announce(HERE)
        found = with_local_address(settings, environ).runtime
        assert (found.address, found.namespace) == (HERE.address, HERE.namespace)
        assert with_local_address(settings, {**environ, "RAY_ADDRESS": "c:1"}) == settings
        assert with_local_address(elsewhere, environ) == elsewhere
        assert with_local_address(inline, environ) == inline


def test_the_folder_is_the_users_own_where_no_variable_says_otherwise() -> None:
    assert state_folder({}) == Path.home() / ".local" / "state" / "polaris-llm"


def test_a_folder_that_cannot_be_made_is_named_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(LLMConfigurationError, match="set XDG_STATE_HOME"):
        Place("farm", {"XDG_STATE_HOME": str(tmp_path / "file")}).prepare()
