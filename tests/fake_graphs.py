"""A stand-in for torch's CUDA graphs that tracks memory pools as torch 2.11 does."""

from collections import Counter
from typing import Any

import pytest
import torch


class FakeGraphs:
    """Captures nothing, but rejects what the allocator rejects.

    Attributes:
        captured: pools by graph, in the order of their capture.
    """

    def __init__(self) -> None:
        self.captured: list[object] = []
        self._living: Counter[object] = Counter()
        self._abandoned: set[object] = set()  # pools without graphs, in which cuBLAS still has memory

    def begin(self, pool: object) -> None:
        if pool in self._abandoned:
            raise RuntimeError("it->second->use_count > 0 INTERNAL ASSERT FAILED")
        self._living[pool] += 1
        self.captured.append(pool)

    def destroy(self, pool: object) -> None:
        self._living[pool] -= 1
        if not self._living[pool]:
            self._abandoned.add(pool)

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        fake = self

        class Graph:
            pool: object = None

            def __del__(self) -> None:
                if self.pool is not None:
                    fake.destroy(self.pool)

            def replay(self) -> None:
                pass

        class Capture:
            def __init__(self, graph: Graph, pool: object, capture_error_mode: str):
                self.graph, self.pool = graph, pool
                assert capture_error_mode == "thread_local"

            def __enter__(self) -> None:
                fake.begin(self.pool)
                self.graph.pool = self.pool

            def __exit__(self, *_: Any) -> None:
                pass

        monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
        monkeypatch.setattr(torch.cuda, "graph", Capture)
        monkeypatch.setattr(torch.cuda, "graph_pool_handle", object)
