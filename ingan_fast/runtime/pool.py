"""Object pool: allocates once per key, then reuses."""

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class Pool(Generic[K, T]):
    """Keeps returned objects for reuse under the same key.

    `take` must not be called concurrently; `give` may be called at any time (finalisers do).

    Args:
        make: creates an object for a key.
        ready: whether a returned object can be reused now.
        keep: approximate maximum number of unused objects.
    """

    def __init__(self, make: Callable[[K], T], ready: Callable[[T], bool], keep: int):
        self._make, self._ready, self._keep = make, ready, keep
        self._spare: list[tuple[K, T]] = []  # `give` only appends; everything else is done by `take`
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
        """Drop all objects; from now on returned ones are dropped, too."""
        self._closed = True
        self._spare.clear()
