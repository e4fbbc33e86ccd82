"""The pages that are open, and the messages for them."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

MOST = 64  # sockets
MOST_WAITING = 256  # messages for one socket; a page that reads none loses the oldest


class Hub:
    """Sockets by picture, and clients with their number of sockets. All calls but `publish` are of the event loop."""

    def __init__(self) -> None:
        self._queues: dict[asyncio.Queue[str], tuple[str, str]] = {}
        self._clients: Counter[str] = Counter()
        self._left: dict[str, float] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    def begin(self) -> None:
        self._loop = asyncio.get_running_loop()

    @property
    def full(self) -> bool:
        return len(self._queues) >= MOST

    def join(self, picture: str, client: str) -> "asyncio.Queue[str]":
        """A queue for the messages for a page that shows a picture."""
        queue: asyncio.Queue[str] = asyncio.Queue(MOST_WAITING)
        self._queues[queue] = (picture, client)
        self._clients[client] += 1
        self._left.pop(client, None)
        return queue

    def leave(self, queue: "asyncio.Queue[str]") -> None:
        _, client = self._queues.pop(queue)
        self._clients[client] -= 1
        if not self._clients[client]:
            del self._clients[client]
            self._left[client] = time.monotonic()

    def gone(self, seconds: float) -> list[str]:
        """Clients whose last socket was closed this long ago; each is returned once."""
        now = time.monotonic()
        clients = [client for client, since in self._left.items() if now - since >= seconds]
        for client in clients:
            del self._left[client]
        return clients

    def pictures(self) -> set[str]:
        return {picture for picture, _ in self._queues.values()}

    def publish(self, event: str, picture: str | None = None, client: str | None = None, **fields: Any) -> None:
        """Send a message to the pages of a picture, or of a client, or to all; from any thread."""
        text = json.dumps({"event": event, **fields})

        def put() -> None:
            for queue, (shown, owner) in self._queues.items():
                if picture in (None, shown) and client in (None, owner):
                    if queue.full():
                        queue.get_nowait()
                    queue.put_nowait(text)

        self._call(put)

    def _call(self, function: Callable[[], None]) -> None:
        if self._loop is None or self._loop.is_closed():
            return
        try:
            self._loop.call_soon_threadsafe(function)
        except RuntimeError:  # the loop closed between: the server stops
            return
