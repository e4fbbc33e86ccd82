"""What is kept while a training runs, for people to look at: log.jsonl, curves, pictures."""

import json
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import torch

from ingan_fast.errors import UserError
from ingan_fast.files import atomic_path, atomic_write
from ingan_fast.geometry import Transform
from ingan_fast.images import save_image
from ingan_fast.networks import Generator, MultiScaleDiscriminator
from ingan_fast.run_folder import RunFolder
from ingan_fast.sampling import Sampler, sampling_tensor, to_pixels
from ingan_fast.sheets import Panel, heat_map, sheet
from ingan_fast.step import LOSSES

SHOWN = ((1.5, 1.0), (0.6, 1.0), (1.0, 1.5))  # width and height factors of the previews
LARGEST_PREVIEW = 512  # px a side of the part of a picture that a preview shows


class Monitor:
    """Writes a run's log and its monitor folder; a context manager."""

    def __init__(self, run: RunFolder, sampler: Sampler, tensorboard: bool):
        self.run = run
        source = sampler.sources[0]
        self.source = source[..., :LARGEST_PREVIEW, :LARGEST_PREVIEW].contiguous(memory_format=torch.channels_last)
        self.started = time.perf_counter()
        self.events = _event_writer(run.path / "tensorboard") if tensorboard else None

    def __enter__(self) -> "Monitor":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.events is not None:
            self.events.close()

    def forget_after(self, iteration: int) -> None:
        """Drop log lines past the checkpoint that the training goes on from, and a last line that was cut off."""
        if self.run.log_path.is_file():
            kept = [line for line in read_log(self.run.log_path) if line["iteration"] <= iteration]
            atomic_write(self.run.log_path, "".join(json.dumps(line) + "\n" for line in kept).encode())

    def log(self, iteration: int, losses: dict[str, float]) -> None:
        """Append the mean losses since the last line."""
        line: dict[str, float] = {"iteration": iteration, **{name: round(value, 6) for name, value in losses.items()}}
        line["seconds"] = round(time.perf_counter() - self.started, 3)
        try:
            with open(self.run.log_path, "a") as file:
                file.write(json.dumps(line) + "\n")
        except OSError as error:
            raise UserError(f"can't write {self.run.log_path}: {error.strerror}; go on with --resume") from error
        if self.events is not None:
            for name, value in losses.items():
                self.events.add_scalar(f"loss/{name}", value, iteration)

    @torch.no_grad()
    def preview(self, iteration: int, generator: Generator, discriminator: MultiScaleDiscriminator) -> None:
        """Write monitor/iteration_N.png, monitor/latest.png and monitor/losses.png."""
        x = self.source
        height, width = x.shape[-2:]
        results = []
        for sx, sy in SHOWN:
            transform = Transform.scale(sx, sy, (width, height))
            y = generator(x, sampling_tensor(transform, x.device), transform.size[::-1]).image
            results.append((f"{sx:g} x {sy:g}", y))
        wide = results[0][1]
        identity = sampling_tensor(Transform.resize((width, height)), x.device)
        back = generator(wide, identity, (height, width)).image
        maps = [m[0, 0].float().cpu().numpy() for m in discriminator(wide)]
        rows = [
            [Panel("source", to_pixels(x), framed=True), *(Panel(name, to_pixels(y)) for name, y in results[:2])],
            [Panel("reconstructed", to_pixels(back)), *(Panel(name, to_pixels(y)) for name, y in results[2:])],
            [Panel(f"D{index} (white: real)", heat_map(m, 120)) for index, m in enumerate(maps)],
        ]
        page = sheet(rows)
        save_image(page, self.run.monitor / f"iteration_{iteration:06d}.png")
        save_image(page, self.run.monitor / "latest.png")
        plot_losses(self.run.log_path, self.run.monitor / "losses.png")
        if self.events is not None:
            self.events.add_image("preview", page, iteration, dataformats="HWC")


def read_log(path: Path) -> list[dict[str, Any]]:
    """The whole lines of log.jsonl."""
    lines = []
    for text in path.read_text(errors="replace").splitlines():
        try:
            line = json.loads(text)
        except ValueError:
            break  # a kill in the middle of a line
        if not isinstance(line, dict) or "iteration" not in line:
            break
        lines.append(line)
    return lines


def plot_losses(log: Path, out: Path) -> None:
    """Draw log.jsonl's losses over iterations."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # heavy, and needed here only
    from matplotlib.figure import Figure

    lines = read_log(log) if log.is_file() else []
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.add_subplot(xlabel="iteration", ylabel="loss", yscale="log")
    for name in LOSSES:
        points = [(line["iteration"], line[name]) for line in lines if line[name] > 0]
        if points:
            axes.plot(*zip(*points, strict=True), label=name.replace("_", " "), linewidth=1)
    axes.grid(alpha=0.3)
    if axes.lines:
        axes.legend()
    with atomic_path(out) as temporary:
        FigureCanvasAgg(figure).print_png(temporary)


def check_tensorboard() -> None:
    """Raise a UserError where TensorBoard is not installed."""
    try:
        import torch.utils.tensorboard  # noqa: F401
    except ImportError:
        raise UserError("TensorBoard is not installed; pip install 'ingan-fast[tensorboard]'") from None


def _event_writer(folder: Path) -> Any:
    check_tensorboard()
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(folder))
