"""A host that does not answer the door."""

import socket


class FullListener:
    """A socket that listens with a full queue, so that Linux drops what knocks; entering it gives its URL."""

    async def __aenter__(self) -> str:
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(0)
        self._knockers = [socket.socket() for _ in range(4)]
        for knocker in self._knockers:
            knocker.setblocking(False)
            knocker.connect_ex(self._listener.getsockname())
        return "http://{}:{}/v1".format(*self._listener.getsockname())

    async def __aexit__(self, *_: object) -> None:
        for each in (self._listener, *self._knockers):
            each.close()
