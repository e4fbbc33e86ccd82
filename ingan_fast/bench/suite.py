"""All benchmarks with their default requests, as run by `ingan-fast bench all`.

To add a benchmark of a picture, add a line to `_ON_CPU`; for another one, a function, and a line in `PLANS`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
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


def _layout(device: torch.device, short: bool) -> BenchmarkPlan:
    from ingan_fast.bench import layout

    request = layout.LayoutRequest(((640, 480), (1280, 960), (2560, 1920)), side=128)  # `bench layout` has larger ones
    if short:
        request = layout.LayoutRequest(((48, 32), (96, 64)), 1.5, 1, (1.5,), 64, ("plain resize", "seam carving"))
    return BenchmarkPlan(request, CPU, partial(layout.steps, request), partial(layout.measure, request, MARKET))


# Benchmarks of the bundled picture on the CPU, each in the module of its name: the request's class, the arguments of a
# request with tiny sizes, and those of the whole one.
_ON_CPU: dict[str, tuple[str, tuple[Any, ...], dict[str, Any]]] = {
    "retarget": ("RetargetRequest", ("smoke", (64, 48), 2), {"conditions": True}),
    "export": ("ExportRequest", (("smoke",), ()), {}),
    "video": ("VideoRequest", ("smoke", (64, 48), 10, (32, 32), 1), {}),
    "cold_start": ("ColdStartRequest", ("smoke", 16, 1), {}),
    "scaling": ("ScalingRequest", (("smoke",), ((32, 24), (64, 48)), ((32, 32),), (32, 24), 1), {}),
}


def _on_cpu(name: str, device: torch.device, short: bool) -> BenchmarkPlan:
    """A plan for the CPU, with the bundled picture."""
    bench: Any = import_module(f"ingan_fast.bench.{name}")
    kind, tiny, whole = _ON_CPU[name]
    request = getattr(bench, kind)(*tiny) if short else getattr(bench, kind)(**whole)
    picture = load_image(MARKET)
    if short:
        picture = picture[:64, :96].copy()
    return BenchmarkPlan(request, CPU, partial(bench.steps, request), partial(bench.measure, request, picture))


# Plans by name, as functions of the device and of whether to use tiny sizes.
PLANS: dict[str, Callable[[torch.device, bool], BenchmarkPlan]] = {
    "warp": _warp,
    "train": _train,
    **{name.replace("_", "-"): partial(_on_cpu, name) for name in _ON_CPU},
    "layout": _layout,
}
