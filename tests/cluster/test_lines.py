"""Mail within a node needs no Ray call: the actors' own lines carry it."""

from typing import Any, cast

import pytest

from polaris_llm.actors import ray_address
from polaris_llm.actors.connection import greeting
from polaris_llm.actors.lines import Door, Line, opened_line
from polaris_llm.actors.links import Links
from polaris_llm.actors.mailbox import HEALTH
from polaris_llm.actors.messages import Greeting, Mail, MailReply
from polaris_llm.actors.ray_address import RayAddress, as_parcel
from polaris_llm.actors.runtime import LLMRuntime
from polaris_llm.core.call_context import CallContext
from support.cluster_runtime import RESULT_S
from support.runtime_access import links_of, loop_of, names_of

pytestmark = pytest.mark.anyio


async def test_an_actor_on_the_same_node_is_asked_over_a_line(runtime: LLMRuntime, monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[Line | None] = []

    async def seen(door: Door) -> Line | None:
        lines.append(await opened_line(door))
        return lines[-1]

    monkeypatch.setattr(ray_address, "opened_line", seen)
    links, loop = Links(links_of(runtime).engine, "a test", greeting()), loop_of(runtime)

    facts = await loop.arun(links.to(names_of(runtime).journal).ask(HEALTH, CallContext(remaining_s=RESULT_S)))

    assert facts["name"] == names_of(runtime).journal
    [line] = lines
    assert line is not None
    assert not line.is_closed
    await loop.arun(links.close())
    assert line.is_closed


class OldActor:
    """The handle of an actor of another version, which has no door."""

    class Method:
        """Its `mail`."""

        async def remote(self, parcel: bytes) -> object:
            """Answers with its own version."""
            reply = MailReply(Greeting("0.0.9"), [])
            return as_parcel(reply, reply.blobs)

    mail = Method()


async def test_an_actor_of_another_version_is_asked_for_no_line(runtime: LLMRuntime) -> None:
    address = RayAddress("old", cast(Any, OldActor()))

    assert (await address.mail(Mail("a test", greeting(), []))).greeting == Greeting("0.0.9")
