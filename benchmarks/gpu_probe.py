"""First minute on a GPU: checks that each part runs correctly, and what is slow. Prints each finding at once.

    python benchmarks/gpu_probe.py [--device cuda] [--preset paper] [--crop 256]

Runs in one process. If a part fails, the end of its traceback is printed, and the next one runs. The exit code is 1 if
a part failed.
"""

import argparse
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ingan_fast.bench.machine import describe
from ingan_fast.bench.models import write_run
from ingan_fast.bench.pad import CASES, PadCase, measure_pad
from ingan_fast.callbacks import Notice
from ingan_fast.kernels import homography_warp, ops, reference
from ingan_fast.model.sampling import Sampler
from ingan_fast.model.state import TrainingState
from ingan_fast.model.step import training_step
from ingan_fast.pictures import MARKET, Pixels, load_image
from ingan_fast.runtime import Retargeter
from ingan_fast.settings import Settings, with_changes
from ingan_fast.settings import preset as find_preset
from ingan_fast.training.engine import TrainingEngine, make_engine

STEPS = {"cuda": 10, "cpu": 1}  # timed steps
ROWS = 30  # rows of the profiler's table
MATRIX = torch.tensor([[[1.1, 0.2, 0.05], [-0.1, 0.9, -0.03], [0.1, 0.2, 1.0]]])
PADS = {"cuda": CASES, "cpu": (PadCase(8, 24, 24, 3),)}
SIZES = {"cuda": ((64, 160, 120), (240, 200)), "cpu": ((8, 24, 20), (30, 22))}  # [C, H, W] and (Ho, Wo)


class Probe:
    """State shared by the parts.

    Args:
        settings: of the training whose steps are run.
        picture: uint8 [H, W, 3].
    """

    def __init__(self, device: torch.device, settings: Settings, picture: Pixels):
        self.device, self.settings, self.picture = device, settings, picture
        self.on_gpu = device.type == "cuda"
        self.steps = STEPS[device.type]
        self.sampler = Sampler([picture], settings, 0, device)
        self.draw = self.sampler.calibration(1)[0]
        self.engine_name = "graphs" if self.on_gpu else "eager"

    def parts(self) -> dict[str, Callable[[], Iterator[str]]]:
        return {
            "machine": self.machine,
            "warp": self.warp,
            "pad": self.pad,
            "eager step": self.eager_step,
            "no hidden waiting": self.no_hidden_waiting,
            "engine": self.engine,
            "profile": self.profile,
            "cudnn.benchmark": self.cudnn_benchmark,
            "runtime": self.runtime,
        }

    def machine(self) -> Iterator[str]:
        about = describe(self.device)
        yield f"{about['name']}, CUDA {about['cuda']}, {about['threads']} threads, {about['versions']}"
        if self.on_gpu:
            properties = torch.cuda.get_device_properties(self.device)
            yield (
                f"sm_{properties.major}{properties.minor}, {properties.multi_processor_count} multiprocessors, "
                f"{properties.total_memory / 2**30:.0f} GiB, L2 {properties.L2_cache_size >> 20} MiB, "
                f"cudnn {torch.backends.cudnn.version()}"
            )
            yield f"the warp's kernels: {ops._kernels(torch.zeros(1, device=self.device))}"

    def warp(self) -> Iterator[str]:
        """Compare the kernels with the reference in float32 on the CPU: values and gradients by both methods."""
        shape, size = SIZES[self.device.type]
        for dtype in (torch.float32, torch.bfloat16):
            features = torch.randn(1, *shape).to(dtype).contiguous(memory_format=torch.channels_last)
            expected = _value_and_gradient(
                lambda x: reference.homography_warp(x, MATRIX, size, "reflection"), features.float()
            )
            for way in ("gather", "atomics"):
                with _backward(way):
                    found = _value_and_gradient(
                        lambda x: homography_warp(x, MATRIX.to(self.device), size), features.to(self.device)
                    )
                errors = [_worst(one, other) for one, other in zip(found, expected, strict=True)]
                yield f"{dtype}, {way}: value off by {errors[0]:.2g}, gradient by {errors[1]:.2g} of the largest"

    def pad(self) -> Iterator[str]:
        for row in measure_pad(self.device, PADS[self.device.type]):
            yield ", ".join(f"{name} {value}" for name, value in row.items())

    def eager_step(self) -> Iterator[str]:
        """Eager steps and their time."""
        state, engine = self._training("eager", lambda text: None)
        first = self._milliseconds(lambda: engine.step(state, self.draw), 1)
        yield f"first step {first:.0f} ms, then {self._milliseconds(lambda: engine.step(state, self.draw)):.2f} ms"

    def no_hidden_waiting(self) -> Iterator[str]:
        """Check that a step never waits for the GPU: it could not be captured, and would leave the GPU idle."""
        if not self.on_gpu:
            yield "only on a GPU"
            return
        state = TrainingState(self.settings, 0, self.device)
        state.set_schedules()
        training_step(state, self.draw)
        torch.cuda.set_sync_debug_mode("error")
        try:
            training_step(state, self.draw)
        finally:
            torch.cuda.set_sync_debug_mode("default")
        yield "none"

    def engine(self) -> Iterator[str]:
        """Compile, capture, replay; freeze the norms; capture again."""
        notices: list[str] = []
        state, engine = self._training(self.engine_name, notices.append)
        ways = len(engine.ways)
        for frozen in (False, True):
            if frozen:
                state.freeze_norm(self.sampler)
            for what in ("first step", "capture", "replay"):
                took = self._milliseconds(lambda: engine.step(state, self.draw), 1)
                yield f"norms frozen {frozen}: {what} {took:.1f} ms"
            took = self._milliseconds(lambda: engine.step(state, self.draw))
            losses = engine.step(state, self.draw).tolist()
            yield f"norms frozen {frozen}: replay {took:.2f} ms, losses {[round(value, 4) for value in losses]}"
        yield f"{len(engine.ways)} of {ways} ways left; notices: {notices}"
        if len(engine.ways) < ways:
            raise RuntimeError("the fastest way was given up")

    def profile(self) -> Iterator[str]:
        """The kernels that dominate a replayed step."""
        state, engine = self._training(self.engine_name, lambda text: None)
        for _ in range(3):
            engine.step(state, self.draw)
        activity = torch.profiler.ProfilerActivity
        with torch.profiler.profile(activities=[activity.CUDA if self.on_gpu else activity.CPU]) as profiler:
            for _ in range(self.steps):
                engine.step(state, self.draw)
            self._wait()
        order = "self_device_time_total" if self.on_gpu else "self_cpu_time_total"
        events = profiler.key_averages()
        microseconds = {event.key: float(getattr(event, order)) for event in events}
        counts = {event.key: event.count for event in events}
        total = sum(microseconds.values())
        launches = sum(counts.values()) / self.steps
        yield f"{total / self.steps / 1e3:.2f} ms and {launches:.0f} launches a step, by {order}"
        for name, spent in sorted(microseconds.items(), key=lambda item: -item[1])[:ROWS]:
            share, calls = spent / max(total, 1e-9), counts[name] / self.steps
            yield f"{spent / self.steps / 1e3:7.3f} ms {share:5.1%} {calls:6.1f} x {name[:150]}"

    def cudnn_benchmark(self) -> Iterator[str]:
        """Whether cuDNN's search for the fastest convolution pays off at one size."""
        for wanted in (False, True):
            with torch.backends.cudnn.flags(enabled=True, benchmark=wanted, allow_tf32=True):
                state, engine = self._training(self.engine_name, lambda text: None)
                step = partial(engine.step, state, self.draw)
                first = self._milliseconds(step, 1)
                step()
                took = self._milliseconds(step)
            yield f"benchmark {wanted}: first step {first:.0f} ms, then {took:.2f} ms"

    def runtime(self) -> Iterator[str]:
        """A generator with random weights: the device against the CPU, with NumPy arrays and on the device."""
        with tempfile.TemporaryDirectory() as folder:
            write_run(Path(folder) / "run", "paper" if self.on_gpu else "smoke", self.picture)
            expected = Retargeter.open(Path(folder) / "run", "cpu", "torch")(size=(320, 200))
            retargeter = Retargeter.open(Path(folder) / "run", self.device.type, "torch")
            yield retargeter.describe()
            frame = torch.from_numpy(self.picture).to(self.device)
            for turn in ("first", "captured", "replayed"):
                found = retargeter(frame, size=(320, 200)).cpu().numpy()
                off = np.abs(found.astype(int) - expected)
                yield f"{turn}: 99.9 % of the values within {np.quantile(off, 0.999):g} levels, all within {off.max()}"
            side = torch.cuda.Stream() if self.on_gpu else None
            with torch.cuda.stream(side):
                again = retargeter(frame, size=(320, 200), stream=side)
            self._wait()
            yield f"on another stream the same: {np.array_equal(again.cpu().numpy(), found)}"

    def _training(self, name: str, notice: Notice) -> tuple[TrainingState, TrainingEngine]:
        return TrainingState(self.settings, 0, self.device), make_engine(name, self.device, notice)

    def _milliseconds(self, action: Callable[[], object], times: int | None = None) -> float:
        times = times or self.steps
        self._wait()
        start = time.perf_counter()
        for _ in range(times):
            action()
        self._wait()
        return 1e3 * (time.perf_counter() - start) / times

    def _wait(self) -> None:
        if self.on_gpu:
            torch.cuda.synchronize(self.device)


@contextmanager
def _backward(way: str) -> Iterator[None]:
    before, ops.BACKWARD = ops.BACKWARD, way
    try:
        yield
    finally:
        ops.BACKWARD = before


def _value_and_gradient(warp: Callable[[Tensor], Tensor], features: Tensor) -> tuple[Tensor, Tensor]:
    leaf = features.clone(memory_format=torch.preserve_format).requires_grad_()
    warped = warp(leaf)
    warped.backward(torch.linspace(-1, 1, warped.numel()).view(warped.shape).to(features))
    assert leaf.grad is not None
    return warped.detach().float().cpu(), leaf.grad.float().cpu()


def _worst(found: Tensor, expected: Tensor) -> float:
    return float((found - expected).abs().max() / expected.abs().max())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--preset", default="paper")
    parser.add_argument("--crop", type=int, default=256)
    arguments = parser.parse_args()
    device, picture = torch.device(arguments.device), load_image(MARKET)
    settings = with_changes(find_preset(arguments.preset), {"crop": arguments.crop})
    settings = replace(settings, iterations=1_000_000)  # keeps the schedules constant
    probe, failed, start = Probe(device, settings, picture), [], time.monotonic()
    for name, part in probe.parts().items():
        try:
            for line in part():
                print(f"{time.monotonic() - start:6.1f} s  {name}: {line}", flush=True)
        except Exception:
            failed.append(name)
            lines = traceback.format_exc().strip().splitlines()[-8:]
            print(f"{time.monotonic() - start:6.1f} s  {name}: FAILED", *lines, sep="\n          ", flush=True)
    print(f"failed: {', '.join(failed) or 'nothing'}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
