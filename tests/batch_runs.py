"""Runs batches in this process, for tests."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ingan_fast.batch.journal import opened
from ingan_fast.batch.pictures import check_names, find_pictures
from ingan_fast.batch.pools import InProcess, Pool
from ingan_fast.batch.report import Section, sections
from ingan_fast.batch.requests import Options, parse_requests
from ingan_fast.batch.run import Batch, Outcome, Progress
from ingan_fast.batch.work import Answer, Task


def dots(path: Path, seed: int = 0, size: tuple[int, int] = (40, 36)) -> Path:
    """Write a small picture of coloured blocks, another one for each seed."""
    colours = np.random.default_rng(seed).integers(0, 255, (4, 5, 3), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(colours).resize(size, Image.Resampling.NEAREST).save(path)
    return path


def run(
    given: Path | list[str],
    out: Path,
    sizes: tuple[str, ...] = ("48x36",),
    options: Options | None = None,
    pool: Pool | None = None,
    show: Callable[[Progress], None] = lambda progress: None,
    interrupted: Any = None,
) -> Outcome:
    """Run a batch; returns its outcome."""
    return reported(given, out, sizes, options, pool, show, interrupted)[0]


def reported(
    given: Path | list[str],
    out: Path,
    sizes: tuple[str, ...] = ("48x36",),
    options: Options | None = None,
    pool: Pool | None = None,
    show: Callable[[Progress], None] = lambda progress: None,
    interrupted: Any = None,
) -> tuple[Outcome, list[Section]]:
    """Run a batch; returns its outcome and the report's sections."""
    pictures = find_pictures([str(given)] if isinstance(given, Path) else given, out)
    requests = parse_requests(sizes, [], [])
    check_names(pictures, requests, out)
    with opened(out) as journal:
        batch = Batch(pictures, requests, options or Options(), journal)
        batch.run(pool or InProcess(), show=show, interrupted=interrupted)
        return batch.outcome, sections(pictures, batch.planned, batch.outcome)


class Failing(InProcess):
    """A pool in which some tasks end as `fail` says: an exception, or None for those that are worked on."""

    def __init__(self, fail: Callable[[Task], Exception | None]):
        super().__init__()
        self.fail = fail
        self.tasks: list[Task] = []  # that were started

    def finished(self, timeout: float) -> list[tuple[Any, Answer | Exception]]:
        if not self._waiting:
            return []
        token, work, task = self._waiting.popleft()
        self.tasks.append(task)
        return [(token, self.fail(task) or work(task))]
