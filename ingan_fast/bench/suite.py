"""All benchmarks with their default requests, as run by `ingan-fast bench all`.

To add a benchmark, add a function here, which imports its module, and a line in `PLANS`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from ingan_fast.bench import defaults
from ingan_fast.bench.results import Results
from ingan_fast.callbacks import Advance
from ingan_fast.pictures import MARKET, load_image

CPU = torch.device("cpu")


@dataclass(frozen=True)
class BenchmarkPlan:
    """A benchmark that is ready to run.

    Attributes:
        request: a dataclass; as a dict it becomes the results' `settings`.
        device: where it is measured.
        steps: number of calls of `measure`'s argument; like `measure`, raises UserError if a package is missing.
    """

    request: Any
    device: torch.device
    steps: Callable[[], int]
    measure: Callable[[Advance], Results]


def _warp(device: torch.device, short: bool) -> BenchmarkPlan:
    from ingan_fast.bench import warp

    on_gpu = device.type == "cuda"
    request = warp.WarpRequest(repeat=defaults.WARP_REPEAT[device.type], compiled=on_gpu)
    if short:
        request = warp.WarpRequest((48, 32), 4, repeat=2)
    return BenchmarkPlan(request, device, partial(warp.steps, request, device), partial(warp.measure, request, device))


def _train(device: torch.device, short: bool) -> BenchmarkPlan:
    from ingan_fast.bench import train

    kind = device.type
    preset, engines, iterations = defaults.TRAIN_PRESET[kind], defaults.ENGINES[kind], defaults.ITERATIONS[kind]
    request = train.TrainRequest(preset, engines, iterations, conditions=kind == "cpu")
    if short:
        request = train.TrainRequest("smoke", ("eager",), 2, 32)
    picture = load_image(MARKET)
    return BenchmarkPlan(
        request, device, partial(train.steps, request), partial(train.measure, request, picture, device)
    )


def _retarget(device: torch.device, short: bool) -> BenchmarkPlan:
    from ingan_fast.bench import retarget

    request = retarget.RetargetRequest("smoke", (64, 48), 2) if short else retarget.RetargetRequest(conditions=True)
    return _of_picture(retarget, request, short)


def _export(device: torch.device, short: bool) -> BenchmarkPlan:
    from ingan_fast.bench import export

    request = export.ExportRequest(("smoke",), ()) if short else export.ExportRequest()
    return _of_picture(export, request, short)


def _video(device: torch.device, short: bool) -> BenchmarkPlan:
    from ingan_fast.bench import video

    request = video.VideoRequest("smoke", (64, 48), 10, (32, 32), 1) if short else video.VideoRequest()
    return _of_picture(video, request, short)


def _cold_start(device: torch.device, short: bool) -> BenchmarkPlan:
    from ingan_fast.bench import cold_start

    request = cold_start.ColdStartRequest("smoke", 16, 1) if short else cold_start.ColdStartRequest()
    return _of_picture(cold_start, request, short)


def _scaling(device: torch.device, short: bool) -> BenchmarkPlan:
    from ingan_fast.bench import scaling

    tiny = scaling.ScalingRequest(("smoke",), ((32, 24), (64, 48)), ((32, 32),), (32, 24), 1)
    return _of_picture(scaling, tiny if short else scaling.ScalingRequest(), short)


def _layout(device: torch.device, short: bool) -> BenchmarkPlan:
    from ingan_fast.bench import layout

    request = layout.LayoutRequest(((640, 480), (1280, 960), (2560, 1920)), side=128)  # `bench layout` has larger ones
    if short:
        request = layout.LayoutRequest(((48, 32), (96, 64)), 1.5, 1, (1.5,), 64, ("plain resize", "seam carving"))
    return BenchmarkPlan(request, CPU, partial(layout.steps, request), partial(layout.measure, request, MARKET))


def _of_picture(benchmark: Any, request: Any, short: bool) -> BenchmarkPlan:
    """A plan for the CPU, with the bundled picture."""
    picture = load_image(MARKET)
    if short:
        picture = picture[:64, :96].copy()
    return BenchmarkPlan(request, CPU, partial(benchmark.steps, request), partial(benchmark.measure, request, picture))


# Plans by name, as functions of the device and of whether to use tiny sizes.
PLANS: dict[str, Callable[[torch.device, bool], BenchmarkPlan]] = {
    "warp": _warp,
    "train": _train,
    "retarget": _retarget,
    "export": _export,
    "video": _video,
    "cold-start": _cold_start,
    "scaling": _scaling,
    "layout": _layout,
}
