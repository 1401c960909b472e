"""`polaris-llm start` and `stop`: a runtime that others connect to, kept by a process of this machine or by a cluster."""

import contextlib
import os
import signal
from dataclasses import asdict
from typing import Any

import click

from ..actors.local_runtimes import LocalRuntime, Place
from ..actors.runtime import LLMRuntime
from ..core.exceptions import ActorUnavailableError, LLMIntegrationError
from ..core.settings import Settings
from .background import announced, start_in_background
from .commands import Command, NoRuntimeError, as_json_option, examples
from .output import note, print_json, print_json_line, stderr
from .runtime_choice import NAME, RuntimeChoice, nothing_here, runtime_options, unreached
from .serving import serve
from .settings_choice import SettingsChoice, settings_options
from .tool_choice import with_modules_of_this_folder

STOP_S = 60.0
"""Seconds that a serving process may take to end its actors and its Ray."""


@click.command(
    cls=Command,
    short_help="Start a runtime that others connect to.",
    epilog=examples(
        "polaris-llm start --settings llm.yaml                   # until Ctrl-C",
        "polaris-llm start --settings llm.yaml --background      # returns when others can connect",
        "polaris-llm start --settings llm.yaml --address auto    # on the Ray cluster of this node, which keeps it",
    ),
)
@settings_options
@click.option("--name", metavar="NAME", help="The runtime's name.  [default: the setting runtime.name]")
@click.option(
    "--address", metavar="HOST:PORT", help="A Ray cluster that is there.  [default: the setting runtime.address, else RAY_ADDRESS]"
)
@click.option("--background", is_flag=True, help="Serve from a process of its own, and return.")
@click.option("--ready-fd", type=int, hidden=True)
@as_json_option
@with_modules_of_this_folder
def start(choice: SettingsChoice, name: str | None, address: str | None, **given: Any) -> None:  # the options
    """Start a runtime that other processes connect to.

    Without an address it starts a Ray on this machine and serves until Ctrl-C, SIGTERM or `polaris-llm stop`. Then nothing of it is
    left: the sessions are gone, also those that others submitted. With an address the cluster keeps the runtime, and the command returns.

    Others find it with `polaris-llm status`, `sessions` and `stop`, and in Python with LLMRuntime.connect().
    """
    settings = choice.load(*(f"runtime.{key}={value}" for key, value in (("name", name), ("address", address)) if value))
    name, address = settings.runtime.name, settings.runtime.address or os.environ.get("RAY_ADDRESS")
    if address is not None:
        _start_on_cluster(settings, address, as_json=given["as_json"])
    elif given["background"]:
        with stderr().status(f"Starting Ray and the actors of {name}"):
            served = start_in_background(name, [*choice.arguments(), "--name", name])
        _tell(served, as_json=given["as_json"])
    else:
        _serve(settings, given["ready_fd"], as_json=given["as_json"])


@click.command(
    cls=Command,
    short_help="End a runtime for everybody.",
    epilog=examples("polaris-llm stop", "polaris-llm stop --name polaris --address 10.0.0.5:6379"),
)
@runtime_options
@as_json_option
def stop(which: RuntimeChoice, as_json: bool) -> None:
    """End a runtime for everybody; its sessions are gone with it."""
    local = which.local
    if local is not None:
        _end(local)
    elif which.elsewhere is None:
        raise NoRuntimeError(nothing_here(which.name))
    else:
        with which.connected() as runtime:
            runtime.stop()
    if as_json:
        print_json({"name": which.name, "stopped": True})
    else:
        note(f"Runtime {which.name} has ended.")


def _start_on_cluster(settings: Settings, address: str, *, as_json: bool) -> None:
    name = settings.runtime.name
    try:
        with stderr().status(f"Starting the actors of {name} on {address}"):
            runtime = LLMRuntime.start(settings, address=address, detached=True)
    except LLMIntegrationError as error:
        raise unreached(error, "runtime.address") from None
    with runtime:
        if as_json:
            print_json({"name": name, "namespace": settings.runtime.namespace, "address": runtime.address, "is_new": runtime.owner})
            return
        note(f"Runtime {name} {'is running' if runtime.owner else 'was there already'} on the Ray cluster at {runtime.address}.")
        where = f"--address {address}" + ("" if name == NAME else f" --name {name}")
        note(f"Connect: LLMRuntime.connect({name!r}, address={runtime.address!r}), or polaris-llm ask --connect {where} ...")
        note(f"End it:  polaris-llm stop {where}")


def _serve(settings: Settings, ready_fd: int | None, *, as_json: bool) -> None:
    status = stderr().status(f"Starting Ray and the actors of {settings.runtime.name}")

    def on_ready(served: LocalRuntime) -> None:
        status.stop()
        if ready_fd is not None:
            announced(ready_fd)
        _tell(served, as_json=as_json)
        if ready_fd is None:
            note("It serves until then, or until Ctrl-C.")

    with status:
        serve(settings, str(Place(settings.runtime.name).log) if ready_fd is not None else None, on_ready)
    note(f"Runtime {settings.runtime.name} has ended.")


def _tell(served: LocalRuntime, *, as_json: bool) -> None:
    if as_json:
        print_json_line(asdict(served))
        return
    note(f"Runtime {served.name} is running: process {served.pid}, Ray at {served.address}.")
    named = "" if served.name == NAME else f" --name {served.name}"
    note(f"Connect: LLMRuntime.connect({served.name!r}), or polaris-llm ask --connect{named} ...")
    note(f"End it:  polaris-llm stop{named}")


def _end(local: LocalRuntime) -> None:
    with stderr().status(f"Ending {local.name} (process {local.pid})"):
        with contextlib.suppress(ProcessLookupError):  # it has ended just now
            os.kill(local.pid, signal.SIGTERM)
        if not Place(local.name).released(STOP_S):
            message = f"process {local.pid} did not end runtime {local.name!r} within {STOP_S:g} s: see what it does, or kill it"
            raise ActorUnavailableError(message)
