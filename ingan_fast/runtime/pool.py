"""Reuse of what is dear to make: once there was one for every key, nothing is allocated any more."""

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class Pool(Generic[K, T]):
    """Keeps what was given back, for the next one of the same key.

    `take` is called by one thread at a time; `give` by any, in the middle of anything (by finalisers).

    Args:
        make: a new one.
        ready: whether one that was given back can be used again.
        keep: how many that wait there may be, about.
    """

    def __init__(self, make: Callable[[K], T], ready: Callable[[T], bool], keep: int):
        self._make, self._ready, self._keep = make, ready, keep
        self._spare: list[tuple[K, T]] = []  # appended to by `give`, all else is done by `take`
        self._closed = False

    def take(self, key: K) -> T:
        for place, (its_key, spare) in enumerate(self._spare):
            if its_key == key and self._ready(spare):
                del self._spare[place]
                return spare
        while len(self._spare) >= self._keep and self._ready(self._spare[0][1]):
            del self._spare[0]
        return self._make(key)

    def give(self, key: K, spare: T) -> None:
        if not self._closed:
            self._spare.append((key, spare))

    def close(self) -> None:
        """Keep nothing, from now on."""
        self._closed = True
        self._spare.clear()
