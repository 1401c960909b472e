"""The way to an actor of Ray's: a line where it lives on this node, else Ray's own calls."""

import pickle
from typing import Any, cast

import ray
from ray.actor import ActorHandle
from ray.exceptions import RayError

from .engine import ActorGoneError
from .lines import Door, Line, opened_line
from .messages import Blob, Mail, MailReply, is_aside


class RayAddress:
    """A Ray actor that holds a mailbox."""

    def __init__(self, name: str, handle: "ActorHandle[Any]") -> None:
        self._name = name
        self._handle: Any = handle  # of a RayShell
        self._line: Line | None = None
        self._has_knocked = False

    async def mail(self, mail: Mail) -> MailReply:
        """See Address."""
        parcel = as_parcel(mail, mail.blobs)
        if self._line is not None and isinstance(parcel, bytes):
            return cast(MailReply, await self._by_line(self._line, "mail", parcel))
        reply = cast(MailReply, opened(await self._call(self._handle.mail, parcel)))
        if not self._has_knocked and reply.greeting in (None, mail.greeting):  # another version may know of no lines
            self._has_knocked = True
            self._line = await self._opened_line()
        return reply

    async def collect(self, caller: str, wait_s: float) -> list[Blob]:
        """See Address."""
        if self._line is not None:
            return cast(list[Blob], await self._by_line(self._line, "collect", pickled((caller, wait_s))))
        return cast(list[Blob], opened(await self._call(self._handle.collect, caller, wait_s)))

    def leave(self) -> None:
        """See Address."""
        if self._line is not None:
            self._line.hang_up()

    async def _opened_line(self) -> Line | None:
        """A line, if the actor lives on this node."""
        door = cast(Door | None, await self._call(self._handle.door, ray.get_runtime_context().get_node_id()))
        return None if door is None else await opened_line(door)

    async def _by_line(self, line: Line, method: str, parcel: bytes) -> object:
        try:
            return pickle.loads(await line.call(method, parcel))
        except ActorGoneError as error:
            raise ActorGoneError(f"{self._name} is gone: {error}") from error

    async def _call(self, method: Any, *arguments: object) -> object:  # Ray's method of a handle
        require_cluster()
        try:
            return await method.remote(*arguments)
        except RayError as error:
            raise ActorGoneError(f"{self._name} is gone: {type(error).__name__}") from error


def as_parcel(value: object, blobs: list[Blob]) -> object:
    """Bytes, where no reference is among the blobs: Ray's own pickler is slower, but the only one that knows its references."""
    return value if any(is_aside(content) for _, content in blobs) else pickled(value)


def pickled(value: object) -> bytes:
    return pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)


def opened(parcel: Any) -> Any:  # what was made a parcel of
    return pickle.loads(parcel) if isinstance(parcel, bytes) else parcel


def require_cluster() -> None:
    if not ray.is_initialized():  # or Ray would start a cluster for the call
        raise ActorGoneError("this process has left its Ray cluster")
