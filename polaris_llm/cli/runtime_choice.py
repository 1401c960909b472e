"""Options that say which running runtime a command talks to."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import click

from ..actors.local_runtimes import LocalRuntime, Place
from ..actors.runtime import LLMRuntime
from ..core.exceptions import ActorError, LLMIntegrationError
from .commands import NoRuntimeError, taken_together
from .output import stderr

NAME = "polaris"


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeChoice:
    """A runtime, by its name and where it is."""

    name: str
    namespace: str | None
    address: str | None

    @property
    def local(self) -> LocalRuntime | None:
        """The runtime as this machine's user serves it, unless the user means one elsewhere."""
        return None if self.elsewhere else Place(self.name).find()

    @property
    def elsewhere(self) -> str | None:
        """The address of the cluster that is meant, if one is named."""
        return self.address or os.environ.get("RAY_ADDRESS")

    def require_use(self, connect: bool) -> None:
        """Raise click.UsageError for a choice that nobody heeds: without --connect a command has a runtime of its own."""
        if not connect and (self.address or self.namespace or self.name != NAME):
            raise click.UsageError("--name, --namespace and --address say which running runtime is asked: say --connect too")

    def arguments(self) -> list[str]:
        """The command-line arguments that make this choice."""
        given = {"--name": self.name, "--namespace": self.namespace, "--address": self.address}
        return [text for option, value in given.items() if value is not None for text in (option, value)]

    @contextmanager
    def connected(self) -> Iterator[LLMRuntime]:
        """The runtime while a command uses it; raises NoRuntimeError."""
        with self._connect() as runtime:
            yield runtime

    def _connect(self) -> LLMRuntime:
        if self.elsewhere is None and self.local is None:
            raise NoRuntimeError(nothing_here(self.name))
        try:
            with stderr().status(f"Connecting to {self.name}"):
                return LLMRuntime.connect(self.name, address=self.address, **({"namespace": self.namespace} if self.namespace else {}))
        except LLMIntegrationError as error:
            raise unreached(error, "runtime.address", "runtime.name") from None


def unreached(error: LLMIntegrationError, *about: str) -> LLMIntegrationError:
    """The error, as one that says that no runtime was reached, if an actor or one of these settings is the reason."""
    is_about_place = isinstance(error, ActorError) or error.context.get("config_key") in about
    return NoRuntimeError(error.message) if is_about_place else error


def nothing_here(name: str) -> str:
    """What is told where no runtime is served."""
    return (
        f"no runtime {name!r} is being served on this machine: start one with `polaris-llm start --background`, "
        "or say where one is with --address or RAY_ADDRESS"
    )


runtime_options = taken_together(
    "which",
    RuntimeChoice,
    click.option("--name", default=NAME, show_default=True, help="The runtime's name."),
    click.option("--namespace", metavar="NAME", help="Its Ray namespace (the setting runtime.namespace).  [default: polaris]"),
    click.option(
        "--address",
        metavar="HOST:PORT",
        help="The Ray cluster it runs on.  [default: RAY_ADDRESS, else what `start` serves on this machine]",
    ),
)
