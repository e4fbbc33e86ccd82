"""Progress records of a training for the user: log.jsonl, curves, preview pictures."""

import json
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any

import torch

from ingan_fast.errors import UserError, cant_write
from ingan_fast.files import atomic_write
from ingan_fast.geometry import Transform
from ingan_fast.layout import Layouts
from ingan_fast.layout.perspective import View
from ingan_fast.model.deployed import DeployedGraph
from ingan_fast.model.discriminator import MultiScaleDiscriminator
from ingan_fast.model.networks import Generator
from ingan_fast.model.sampling import Sampler, sampling_tensor, to_pixels
from ingan_fast.pictures import Pixels, save_image
from ingan_fast.pictures.sheets import Panel, heat_map, sheet
from ingan_fast.quality.validation import Quality, judge
from ingan_fast.training.curves import plot_losses, plot_quality, read_log
from ingan_fast.training.run_folder import RunFolder

SHOWN = ((1.5, 1.0), (0.6, 1.0), (1.0, 1.5))  # width and height factors of the previews
LAYOUT = "layout_"  # prefix of the layout's measures in the log
LARGEST_PREVIEW = 512  # px a side; previews show this part of a larger picture


class Monitor:
    """Writes a run's log and its monitor folder; a context manager."""

    def __init__(self, run: RunFolder, sampler: Sampler, tensorboard: bool):
        self.run = run
        source = sampler.sources[0]
        self.source = source[..., :LARGEST_PREVIEW, :LARGEST_PREVIEW].contiguous(memory_format=torch.channels_last)
        self.picture = to_pixels(self.source)
        self.lay_out = cache(Layouts(self.picture).lay_out)  # of the same few sizes again and again
        self.started = time.perf_counter()
        self.events = _event_writer(run.path / "tensorboard") if tensorboard else None

    def __enter__(self) -> "Monitor":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.events is not None:
            self.events.close()

    def forget_after(self, iteration: int) -> None:
        """Drop log lines after the checkpoint that the training resumes from, and an incomplete last line."""
        if self.run.log_path.is_file():
            kept = [line for line in read_log(self.run.log_path) if line["iteration"] <= iteration]
            self.started -= max((line["seconds"] for line in kept), default=0.0)
            atomic_write(self.run.log_path, "".join(json.dumps(line) + "\n" for line in kept).encode())

    def log(self, iteration: int, losses: dict[str, float]) -> None:
        """Append the mean losses since the previous losses."""
        self._append(iteration, losses, "loss")

    def validate(self, iteration: int, generator: Generator) -> Quality:
        """Evaluate the deployable generator, append a line of quality and write monitor/quality.png."""
        quality = judge(lambda transform: self._made(generator, transform), self.picture)
        self._append(iteration, quality, "quality")
        plot_quality(self.run.log_path, self.run.monitor / "quality.png")
        return quality

    def log_end(self, iteration: int, ends_at: int) -> None:
        """Append a line with the new total, after an early stop or a change of plan."""
        self._append(iteration, {"ends_at": ends_at}, "plan")

    def _append(self, iteration: int, values: Mapping[str, float], kind: str) -> None:
        line: dict[str, float] = {"iteration": iteration, **{name: round(value, 6) for name, value in values.items()}}
        line["seconds"] = round(time.perf_counter() - self.started, 3)
        try:
            with open(self.run.log_path, "a") as file:
                file.write(json.dumps(line) + "\n")
        except OSError as error:
            raise cant_write(self.run.log_path, error, "continue with resume=True") from error
        if self.events is not None:
            for name, value in values.items():
                self.events.add_scalar(f"{kind}/{name}", value, iteration)

    def show_layout(self) -> None:
        """If nothing is trained yet, show and evaluate the layout alone, which the training is compared with."""
        if self.run.log_path.is_file() and read_log(self.run.log_path):
            return
        quality = judge(self._layout_alone, self.picture)
        self._append(0, {LAYOUT + name: value for name, value in quality.items()}, "layout")
        save_image(sheet([[Panel("source", self.picture, framed=True)], self._layout_panels()]), self._latest)

    def layout_quality(self) -> Quality:
        """Measures of the layout alone, from the log."""
        lines = [line for line in read_log(self.run.log_path) if line["iteration"] == 0]
        return {
            name.removeprefix(LAYOUT): value
            for line in lines
            for name, value in line.items()
            if name.startswith(LAYOUT)
        }

    @property
    def _latest(self) -> Path:
        return self.run.monitor / "latest.png"

    def _layout_panels(self) -> list[Panel]:
        """The picture laid out without a network, at the previews' sizes."""
        height, width, _ = self.picture.shape
        return [
            Panel(f"layout alone, {sx:g} x {sy:g}", self._layout_alone(Transform.scale(sx, sy, (width, height))))
            for sx, sy in SHOWN
        ]

    def _layout_alone(self, transform: Transform) -> Pixels:
        return self.lay_out(transform.size).draw(self.picture)

    @torch.no_grad()
    def _made(self, generator: Generator, transform: Transform) -> Pixels:
        y = generator(self.source, sampling_tensor(transform, self.source.device), transform.size[::-1])
        return to_pixels(y)

    @torch.no_grad()
    def _made_from_layout(self, generator: Generator, transform: Transform) -> Pixels:
        grid = torch.from_numpy(View(self.lay_out(transform.size)).grid())[None].to(self.source.device)
        return to_pixels(DeployedGraph(generator)(self.source, grid))

    def quality_from_layout(self, generator: Generator) -> Quality:
        """Measures of the deployable generator where it starts from the layout."""
        return judge(lambda transform: self._made_from_layout(generator, transform), self.picture)

    @torch.no_grad()
    def preview(self, iteration: int, generator: Generator, discriminator: MultiScaleDiscriminator) -> None:
        """Write monitor/iteration_N.png, monitor/latest.png and monitor/losses.png."""
        x = self.source
        height, width = x.shape[-2:]
        results, from_layout = [], []
        for sx, sy in SHOWN:
            transform, name = Transform.scale(sx, sy, (width, height)), f"{sx:g} x {sy:g}"
            results.append((name, generator(x, sampling_tensor(transform, x.device), transform.size[::-1])))
            from_layout.append(Panel(f"from the layout, {name}", self._made_from_layout(generator, transform)))
        wide = results[0][1]
        identity = sampling_tensor(Transform.resize((width, height)), x.device)
        back = generator(wide, identity, (height, width))
        maps = [m[0, 0].float().cpu().numpy() for m in discriminator(wide)]
        rows = [
            [Panel("source", self.picture, framed=True), *(Panel(name, to_pixels(y)) for name, y in results[:2])],
            [Panel("reconstructed", to_pixels(back)), *(Panel(name, to_pixels(y)) for name, y in results[2:])],
            from_layout,
            self._layout_panels(),
            [Panel(f"D{index} (white: real)", heat_map(m, 120)) for index, m in enumerate(maps)],
        ]
        page = sheet(rows)
        path = self.run.monitor / f"iteration_{iteration:06d}.png"
        save_image(page, path)
        atomic_write(self._latest, path.read_bytes())
        plot_losses(self.run.log_path, self.run.monitor / "losses.png")
        if self.events is not None:
            self.events.add_image("preview", page, iteration, dataformats="HWC")


def check_tensorboard() -> None:
    """Raise a UserError if TensorBoard is not installed."""
    try:
        import torch.utils.tensorboard  # noqa: F401
    except ImportError:
        raise UserError("TensorBoard is not installed; pip install 'ingan-fast[tensorboard]'") from None


def _event_writer(folder: Path) -> Any:
    check_tensorboard()
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(folder))
