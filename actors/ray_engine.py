"""Actors as Ray actors. The only file that creates, finds and kills them; ray_address.py calls them.

Facts of Ray 2.60 that this file rests on: classes are given to ray.remote() undecorated, so that they pickle by
reference; actors that must outlive their creator are detached, in a named namespace; an actor without restarts is known
to be dead within milliseconds; looking an actor up is a blocking call, made in a thread.
"""

import asyncio
import gc
import logging
import pickle
import socket
from collections.abc import Coroutine
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar, cast

import ray
from ray.actor import ActorHandle
from ray.exceptions import RayError

from ..core.exceptions import ActorUnavailableError, LLMIntegrationError, OutcomeUnknownError
from .engine import ActorSpec, Address, Placement
from .lines import Door, Doorway, opened_doorway
from .links import Links
from .mailbox import CLOSE_WAIT_S, Mailbox
from .messages import Answer, Blob, Greeting, LargeValues, is_aside, wrap
from .ray_address import RayAddress, as_parcel, opened, pickled, require_cluster

T = TypeVar("T")

logger = logging.getLogger(__name__)

YOUNG_OBJECTS = 20_000
"""After how many new objects Python looks for rings of garbage; 700 by itself."""
MANY = 1_000_000
"""Calls that Ray may let into an actor at once; the mailbox is what bounds its work."""
REACH_S = 5.0
"""Seconds in which the cluster's head must take a connection."""
STOP_S = CLOSE_WAIT_S + 2.0
"""Seconds that an actor gets to tidy up before it is killed."""


class RayEngine:
    """Creates detached actors in one namespace of a Ray cluster that this process is connected to."""

    pickles = True

    def __init__(self, namespace: str, greeting: Greeting, *, timeout_s: float = 60.0) -> None:
        self._namespace = namespace
        self._greeting = greeting
        self._timeout_s = timeout_s

    async def create(self, spec: ActorSpec) -> None:
        """See Engine; raises what the actor's own start raised, if that is an error of ours, else ActorUnavailableError."""
        handle = await _whole(asyncio.to_thread(self._create, spec))
        try:
            async with asyncio.timeout(spec.start_s):
                await handle.ready.remote()
        except (RayError, TimeoutError) as error:
            ray.kill(handle, no_restart=True)
            cause = getattr(error, "cause", None)
            raise cause if isinstance(cause, LLMIntegrationError) else _not_started(spec, error) from error

    async def find(self, name: str) -> Address | None:
        """See Engine."""
        handle = await self._look_up(name)
        return None if handle is None else RayAddress(name, handle)

    async def stop(self, name: str) -> None:
        """See Engine. The actor may tidy up first, as long as STOP_S: what its process started must end with it."""
        handle = await self._look_up(name)
        if handle is None:
            return
        try:
            async with asyncio.timeout(STOP_S):
                await handle.close.remote()
        except (RayError, TimeoutError) as error:
            logger.warning("%s did not close in an orderly way: %s", name, type(error).__name__)
        finally:  # also when it is the supervisor that stops itself, and is cancelled by that
            ray.kill(handle, no_restart=True)

    def store(self, blob: bytes) -> Any:  # an ObjectRef
        """See Engine."""
        require_cluster()
        return ray.put(blob)

    async def load(self, reference: Any) -> bytes:  # an ObjectRef
        """See Engine."""
        return cast(bytes, await reference)

    async def _look_up(self, name: str) -> "ActorHandle[Any] | None":
        try:
            return await asyncio.to_thread(self._handle, name)
        except RuntimeError:  # the interpreter is about to end, and starts no more threads
            return self._handle(name)

    def _handle(self, name: str) -> "ActorHandle[Any] | None":
        if not (ray.is_initialized() and _is_reachable()):
            return None
        try:
            return ray.get_actor(name, self._namespace)
        except ValueError:
            return None

    def _create(self, spec: ActorSpec) -> Any:  # Ray's handle
        require_cluster()
        options: dict[str, Any] = {
            "name": spec.name,
            "namespace": self._namespace,
            "lifetime": "detached",
            "get_if_exists": True,
            "max_concurrency": MANY,
            "max_restarts": -1 if spec.restarted_by_engine else 0,
            "max_task_retries": 0,
            **_placing(spec.placement),
        }
        return ray.remote(RayShell).options(**options).remote(spec, self._namespace, self._greeting, self._timeout_s)


class RayShell:
    """What runs in the Ray actor's process: one plain actor behind its mailbox. It starts by itself, also when Ray restarts it."""

    def __init__(self, spec: ActorSpec, namespace: str, greeting: Greeting, timeout_s: float) -> None:
        engine = RayEngine(namespace, greeting, timeout_s=timeout_s)
        self._links = Links(engine, spec.name, greeting, timeout_s=timeout_s)
        self._doorway: Doorway | None = None
        self._started = asyncio.create_task(self._start(spec, greeting))

    async def ready(self) -> None:
        """Return when the actor has started; raises what its start raised."""
        await asyncio.shield(self._started)

    async def mail(self, parcel: Any) -> Any:  # Mail and MailReply as parcels
        """See Mailbox."""
        reply = await (await self._mailbox()).mail(opened(parcel))
        return as_parcel(reply, reply.blobs)

    async def collect(self, caller: str, wait_s: float) -> Any:  # blobs as a parcel
        """See Mailbox."""
        blobs = await (await self._mailbox()).collect(caller, wait_s)
        return as_parcel(blobs, blobs)

    async def door(self, node_id: str) -> Door | None:
        """Where callers on a node may have a line, if it is this one."""
        await self._mailbox()
        is_here = node_id == ray.get_runtime_context().get_node_id()
        return self._doorway.door if is_here and self._doorway is not None else None

    async def close(self) -> None:
        """See Mailbox."""
        await (await self._mailbox()).close()
        if self._doorway is not None:
            self._doorway.close()

    async def _mailbox(self) -> Mailbox:
        return self._started.result() if self._started.done() else await asyncio.shield(self._started)

    async def _start(self, spec: ActorSpec, greeting: Greeting) -> Mailbox:
        actor = spec.build(self._links)
        if hasattr(actor, "start"):
            await actor.start()
        _spare_the_collector()
        mailbox = Mailbox(actor, spec, self._links.engine, greeting)
        self._doorway = await opened_doorway(partial(_served, mailbox, self._links.engine))
        return mailbox


async def _served(mailbox: Mailbox, place: LargeValues, method: str, parcel: bytes) -> bytes:
    """What comes of a call over a line, which carries large answers too."""
    if method == "collect":
        return pickled(await _whole_blobs(await mailbox.collect(*pickle.loads(parcel)), place))
    reply = await mailbox.mail(pickle.loads(parcel))
    return pickled(replace(reply, blobs=await _whole_blobs(reply.blobs, place)))


async def _whole_blobs(blobs: list[Blob], place: LargeValues) -> list[Blob]:
    """The same, with what stands aside read back."""
    return [await _read_back(blob, place) if is_aside(blob[1]) else blob for blob in blobs]


async def _read_back(blob: Blob, place: LargeValues) -> Blob:
    number, content = blob
    try:
        return number, await place.load(content)
    except Exception as error:  # the bytes went away
        lost = f"an answer was lost on its way: {type(error).__name__}: {error}"
        return wrap(number, Answer(None, OutcomeUnknownError(lost)), place)


def _spare_the_collector() -> None:
    """Take what an actor's process begins with out of every later collection, and collect less often: a tenth of its time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 20, 50)


def _placing(placement: Placement) -> dict[str, Any]:  # options of a Ray actor
    """Resources are always said: to an actor that names none Ray gives a whole CPU while it is placed."""
    wanted = {
        "num_cpus": placement.num_cpus,
        "memory": placement.memory_bytes,
        "resources": placement.resources,
        "label_selector": placement.labels,
        "fallback_strategy": [{"label_selector": labels} for labels in placement.fallback_labels],
        "scheduling_strategy": "SPREAD" if placement.is_spread else None,
    }
    return {name: value for name, value in wanted.items() if value or name == "num_cpus"}


async def _whole(work: Coroutine[Any, Any, T]) -> T:
    """What the work gives; a cancellation waits for its end, so that what it makes can be found by whoever tidies up."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task}, timeout=STOP_S)
        raise


def _is_reachable() -> bool:
    """Whether the cluster's head listens. Ray itself would wait a minute for one that is gone, and then abort this process."""
    host, _, port = str(ray.get_runtime_context().gcs_address).rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=REACH_S).close()
    except OSError:
        return False
    return True


def _not_started(spec: ActorSpec, error: Exception) -> ActorUnavailableError:
    reason = f"not within {spec.start_s:g} s" if isinstance(error, TimeoutError) else f"{type(error).__name__}: {error}"
    wanted = {name: value for name, value in _placing(spec.placement).items() if value and name != "scheduling_strategy"}
    where = f" on a node with {wanted}" if wanted else ""
    remedy = "; add such a node, or change the labels and resources of the actor's settings" if wanted else ""
    return ActorUnavailableError(f"{spec.name} did not start{where}: {reason}{remedy}", spec.name)
