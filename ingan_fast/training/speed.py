"""Measures a training's speed on this machine, with a temporary copy."""

import copy
import math
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from ingan_fast.model.sampling import Batch, Sampler
from ingan_fast.model.state import TrainingState
from ingan_fast.pictures import Pixels
from ingan_fast.settings import Settings
from ingan_fast.threads import half_of_threads
from ingan_fast.training.budget import Speed
from ingan_fast.training.engine import make_engine
from ingan_fast.training.monitor import Monitor
from ingan_fast.training.run_folder import RunFolder

DRAWS = 200  # sample of the training's iterations, evenly spread
TIMED = 10  # sizes that are timed, from the smallest output to the largest
PREPARING = 2  # slower steps per size: compiling kernels, then on a GPU capturing the step
REPEATED = 2
SUSTAINED = 1.1  # ratio of a long training's iteration time to the measurement's: 1.06 to 1.12 on two cores
SLOW = 10.0  # seconds; longer actions are not repeated


def measure_speed(
    sources: list[Pixels],
    settings: Settings,
    seed: int,
    device: torch.device,
    engine_name: str = "auto",
    precision: str = "auto",
    limit: float = math.inf,
) -> Speed:
    """Time the parts of a training, on its own draws, with networks that are discarded.

    An iteration's time is modelled as linear in the pixels of its output. The first steps of each size are slower.
    Making draws adds time if the CPU trains; for a GPU they are made in parallel.

    Args:
        limit: seconds; on a slow machine fewer sizes are timed, and less often.
    """
    sampler = Sampler(sources, settings, seed, device)
    state = TrainingState(settings, seed, device, precision)
    slow = min(SLOW, limit / 20)
    with half_of_threads():
        preview, validation, checkpoint = _time_records(state, sampler, slow)
    start = time.perf_counter()
    draws = [sampler.draw(int(i)) for i in np.linspace(0, settings.iterations - 1, DRAWS)]
    drawing = (time.perf_counter() - start) / DRAWS
    by_size = {draw.size: draw for draw in sorted(draws, key=_pixels)}
    sizes = list(by_size)
    engine = make_engine(engine_name, device, lambda text: None)

    def seconds(draw: Batch) -> float:
        return _seconds(lambda: engine.step(state, draw).sum().item())  # .item() waits for a GPU

    one = seconds(by_size[sizes[len(sizes) // 2]])
    count = int(min(max(limit / 2 / ((PREPARING + 1) * one), 2), TIMED))
    timed = [by_size[sizes[i]] for i in np.unique(np.linspace(0, len(sizes) - 1, count).round().astype(int))]

    first = np.array([[seconds(draw) for draw in timed] for _ in range(PREPARING)]).sum(axis=0)
    repeated = 1 if first.sum() > slow else REPEATED
    warm = np.array([[seconds(draw) for draw in timed] for _ in range(repeated)]).mean(axis=0)
    line = np.polyfit([_pixels(draw) for draw in timed], warm, deg=min(1, len(timed) - 1))
    means = np.polyval(line, [_pixels(draw) for draw in draws])
    making = max(float(np.median(first - PREPARING * warm)), 0.0)
    return Speed(
        iteration=SUSTAINED * max(float(means.mean()), float(warm.min())) + (drawing if device.type == "cpu" else 0.0),
        starting=making * (len(sizes) - len(timed)),
        preview=preview,
        validation=validation,
        checkpoint=checkpoint,
    )


def _time_records(state: TrainingState, sampler: Sampler, slow: float) -> tuple[float, float, float]:
    """Seconds of a preview, a validation and a checkpoint; actions longer than `slow` are not repeated."""
    with tempfile.TemporaryDirectory() as folder:
        run = RunFolder(Path(folder))
        monitor = Monitor(run, sampler, tensorboard=False)

        def preview() -> None:
            generator = state.deployable(sampler)
            run.write_generator(generator, state.settings, 0)
            monitor.preview(0, generator, state.discriminator)

        generator = copy.deepcopy(state.averaged).eval()
        return (
            _seconds_again(preview, slow),
            _seconds_again(lambda: monitor.validate(0, generator), slow),
            _seconds_again(lambda: run.write_checkpoint(state.state_dict()), slow),
        )


def _pixels(draw: Batch) -> int:
    return draw.size[0] * draw.size[1]


def _seconds_again(action: Callable[[], object], slow: float) -> float:
    """Duration of the second call, because the first one imports and compiles; of the first if that is slow."""
    first = _seconds(action)
    return first if first > slow else _seconds(action)


def _seconds(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start
