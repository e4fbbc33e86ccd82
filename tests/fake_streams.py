"""A stand-in for CUDA's streams: work is deferred, and only what is ordered by events runs in order."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
import torch


@dataclass(eq=False)
class FakeStream:
    work: list[Callable[[], None]] = field(default_factory=list)
    done: int = 0

    def record_event(self) -> tuple["FakeStream", int]:
        return self, len(self.work)

    def wait_event(self, event: tuple["FakeStream", int]) -> None:
        stream, count = event
        self.work.append(lambda: stream.run(count))

    def wait_stream(self, stream: "FakeStream") -> None:
        self.wait_event(stream.record_event())

    def run(self, until: int) -> None:
        while self.done < until:
            self.done += 1
            self.work[self.done - 1]()


class FakeStreams:
    """The streams of one GPU; the first one is the current one at the beginning."""

    def __init__(self) -> None:
        self.every = [FakeStream()]
        self.current = self.every[0]

    def launch(self, work: Callable[[], None]) -> None:
        self.current.work.append(work)

    def finish(self) -> None:
        """Do all work, as late as events allow: the last stream first, and backwards."""
        for stream in reversed(self.every):
            stream.run(len(stream.work))

    def new(self, device: torch.device) -> FakeStream:
        self.every.append(FakeStream())
        return self.every[-1]

    @contextmanager
    def use(self, stream: FakeStream) -> Iterator[None]:
        before, self.current = self.current, stream
        try:
            yield
        finally:
            self.current = before

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(torch.cuda, "Stream", self.new)
        monkeypatch.setattr(torch.cuda, "stream", self.use)
        monkeypatch.setattr(torch.cuda, "current_stream", lambda device: self.current)
