"""First half minute on a GPU: what is slow in a training step, and whether it waits. Prints each finding at once.

    python benchmarks/gpu_probe.py [--device cuda] [--preset paper] [--crop 256]

Runs in one process. If a part fails, the end of its traceback is printed, and the next one runs. The exit code is 1 if
a part failed.
"""

import argparse
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from ingan_fast.bench.machine import describe
from ingan_fast.bench.timing import Stopwatch, take_turns
from ingan_fast.kernels import ops, reflect_pad
from ingan_fast.model.sampling import Sampler
from ingan_fast.model.state import TrainingState
from ingan_fast.model.step import training_step
from ingan_fast.pictures import MARKET, Pixels, load_image
from ingan_fast.settings import Settings, with_changes
from ingan_fast.settings import preset as find_preset
from ingan_fast.training.engine import make_engine

STEPS = {"cuda": 10, "cpu": 1}  # timed steps
ROWS = 30  # rows of the profiler's table
# (channels, side, border) of the preset `paper` at a crop of 256: before the exit, in the bottleneck, in between.
PADS = {"cuda": ((64, 256, 3), (512, 32, 1), (128, 128, 1)), "cpu": ((8, 24, 3),)}


class Probe:
    """State shared by the parts.

    Args:
        settings: of the training whose steps are run.
        picture: uint8 [H, W, 3].
    """

    def __init__(self, device: torch.device, settings: Settings, picture: Pixels):
        self.device, self.settings = device, settings
        self.on_gpu = device.type == "cuda"
        self.steps = STEPS[device.type]
        self.draw = Sampler([picture], settings, 0, device).calibration(1)[0]

    def parts(self) -> dict[str, Callable[[], Iterator[str]]]:
        return {
            "machine": self.machine,
            "pad": self.pad,
            "no hidden waiting": self.no_hidden_waiting,
            "profile": self.profile,
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

    def pad(self) -> Iterator[str]:
        """Reflection padding with its gradient, in bfloat16: our operator and torch's, on channels_last maps."""
        ways = {"ours": reflect_pad, "torch": _torch_pad}
        for channels, side, border in PADS[self.device.type]:
            features = _noise(channels, side, self.device).requires_grad_()
            gradient = _noise(channels, side + 2 * border, self.device)
            calls = {name: partial(_both_ways, way, features, border, gradient) for name, way in ways.items()}
            if not torch.equal(calls["ours"]()[0], calls["torch"]()[0]):
                raise RuntimeError("wrong result: the padded map differs")
            spreads = take_turns(calls, 3 * self.steps, Stopwatch(self.device, cold=True))
            times = ", ".join(f"{name} {spread.median:.4f} ms" for name, spread in spreads.items())
            yield f"{channels} channels of {side}x{side}, {border} px: {times}"

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

    def profile(self) -> Iterator[str]:
        """The kernels that dominate a replayed step."""
        state = TrainingState(self.settings, 0, self.device)
        engine = make_engine("graphs" if self.on_gpu else "eager", self.device, print)
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

    def _wait(self) -> None:
        if self.on_gpu:
            torch.cuda.synchronize(self.device)


def _noise(channels: int, side: int, device: torch.device) -> Tensor:
    return torch.randn(1, side, side, channels, device=device).to(torch.bfloat16).permute(0, 3, 1, 2)


def _torch_pad(features: Tensor, border: int) -> Tensor:
    """torch's padding for a channels_last convolution; on CUDA it returns contiguous maps, which are converted."""
    return F.pad(features, [border] * 4, mode="reflect").contiguous(memory_format=torch.channels_last)


def _both_ways(
    pad: Callable[[Tensor, int], Tensor], features: Tensor, border: int, gradient: Tensor
) -> tuple[Tensor, Tensor]:
    """The padded map, and the gradient of the features."""
    padded = pad(features, border)
    return padded, torch.autograd.grad(padded, features, gradient)[0]


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
