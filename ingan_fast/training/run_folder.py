"""The run folder: files that a training writes, and how they are read.

config.json             every setting, seed, versions, device
source.png              the picture (source_2.png, … for several)
generator.safetensors   the deployable generator: folded convolutions, self-describing
checkpoint.pt           complete state for resuming
train.lock              locked while a training runs (run_lock.py)
log.jsonl               losses, a line every few iterations; quality, a line per validation
monitor/                pictures and curves for the user
"""

import hashlib
import io
import json
import platform
from dataclasses import dataclass
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from shlex import quote
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load as load_safetensors
from safetensors.torch import save as save_safetensors
from torch import Tensor

from ingan_fast.errors import UserError
from ingan_fast.files import atomic_write
from ingan_fast.model.fold import fold
from ingan_fast.model.networks import Generator, to_channels_last
from ingan_fast.model.precision import FORMERLY, check_precision
from ingan_fast.pictures import Pixels, load_image, save_image
from ingan_fast.settings import Settings, as_dict, settings_of_run

FORMAT = 1


@dataclass(frozen=True)
class Config:
    """Content of config.json."""

    settings: Settings
    preset: str
    budget: float | None  # seconds that the iterations were fitted to; None if those were given
    seed: int
    images: list[dict[str, Any]]  # name, sha256 of the training pixels, width, height
    device: str
    precision: str  # of convolutions during training: float32, bfloat16 or float16
    versions: dict[str, str]

    @classmethod
    def new(
        cls,
        settings: Settings,
        preset: str,
        budget: float | None,
        seed: int,
        named: dict[str, Pixels],
        device: str,
        precision: str = "float32",
    ) -> "Config":
        images = [
            {"name": name, "sha256": digest(pixels), "width": pixels.shape[1], "height": pixels.shape[0]}
            for name, pixels in named.items()
        ]
        versions = {name: version(name) for name in ("ingan-fast", "torch", "numpy")}
        versions["python"] = platform.python_version()
        return cls(settings, preset, budget, seed, images, device, precision, versions)

    def differences(self, other: "Config") -> list[str]:
        """Differences of two trainings, as text: 'seed (0, now 1)'."""
        mine, theirs = (
            as_dict(config.settings)
            | {"budget": config.budget, "precision": config.precision, "seed": config.seed}
            | {"image": [i["sha256"][:12] for i in config.images]}
            for config in (self, other)
        )
        return [f"{key} ({mine[key]}, now {theirs[key]})" for key in mine if mine[key] != theirs[key]]


@dataclass(frozen=True)
class RunFolder:
    path: Path

    @property
    def config_path(self) -> Path:
        return self.path / "config.json"

    @property
    def generator_path(self) -> Path:
        return self.path / "generator.safetensors"

    @property
    def checkpoint_path(self) -> Path:
        return self.path / "checkpoint.pt"

    @property
    def log_path(self) -> Path:
        return self.path / "log.jsonl"

    @property
    def monitor(self) -> Path:
        return self.path / "monitor"

    def source_path(self, index: int) -> Path:
        return self.path / ("source.png" if index == 0 else f"source_{index + 1}.png")

    def remove_progress(self) -> None:
        """Remove the generator, the checkpoint and the log."""
        for path in (self.generator_path, self.checkpoint_path, self.log_path):
            path.unlink(missing_ok=True)
        self.remove_leftovers()

    def remove_leftovers(self) -> None:
        """Remove the temporary files of a killed training (see `atomic_path`)."""
        stems = ("config", "source*", "generator", "checkpoint", "log")
        for pattern in (*(f".{stem}.????????.*" for stem in stems), "monitor/.*.????????.png"):
            for path in self.path.glob(pattern):
                path.unlink(missing_ok=True)

    def write_config(self, config: Config, sources: list[Pixels]) -> None:
        """Write config.json; the sources first, so that a folder with a config.json has them."""
        for index, source in enumerate(sources):
            save_image(source, self.source_path(index))
        content = {
            "format": FORMAT,
            "preset": config.preset,
            "budget": config.budget,
            "seed": config.seed,
            "settings": as_dict(config.settings),
            "images": config.images,
            "device": config.device,
            "precision": config.precision,
            "versions": config.versions,
        }
        atomic_write(self.config_path, (json.dumps(content, indent=2) + "\n").encode())

    def read_config(self) -> Config:
        """Read and check config.json.

        Raises:
            UserError: not a run folder, another format, or damaged.
        """
        if not self.path.exists():
            command = f"ingan-fast train IMAGE --out {quote(str(self.path))}"
            raise UserError(f"{self.path} does not exist; train first: {command}")
        if not self.config_path.is_file():
            raise UserError(f"{self.path} is not a run: it has no config.json; give a folder made by ingan-fast train")
        try:
            content = json.loads(self.config_path.read_text())
            found = content["format"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(f"{self.config_path} can't be read ({error}); train again with overwrite=True") from error
        if found != FORMAT:
            versions = content.get("versions")
            made_by = versions.get("ingan-fast", "?") if isinstance(versions, dict) else "?"
            raise UserError(
                f"{self.path} was written by ingan-fast {made_by} in run format {found}; this version "
                f"({version('ingan-fast')}) reads format {FORMAT}: use that version, or train again"
            )
        settings = content.get("settings")
        if isinstance(settings, dict) and settings.get("unit_scale"):
            raise UserError(
                f"{self.path} was trained with the preset cpu or best, which this version no longer supports; train it "
                "again, or retarget its picture without training: ingan-fast retarget PICTURE"
            )
        try:
            settings = settings_of_run(content["settings"])
            return Config(
                settings,
                str(content["preset"]),
                None if content.get("budget") is None else float(content["budget"]),
                int(content["seed"]),
                _images(content["images"]),
                str(content["device"]),
                check_precision(str(content.get("precision", FORMERLY))),
                dict(content["versions"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UserError(f"{self.config_path} is damaged ({error}); train again with overwrite=True") from error

    def read_sources(self, config: Config) -> list[Pixels]:
        """The training pictures, checked against config.json."""
        sources = []
        for index, image in enumerate(config.images):
            pixels = load_image(self.source_path(index))
            if digest(pixels) != image["sha256"]:
                raise UserError(f"{self.source_path(index)} is not the picture of this run; train again")
            sources.append(pixels)
        return sources

    def write_generator(
        self, generator: Generator, settings: Settings, iteration: int, stretches: bool = False
    ) -> None:
        """Fold and write `generator`; the bytes depend on nothing but what is given.

        Args:
            generator: not folded.
            settings: the run's.
            iteration: after which it is written.
            stretches: whether the last validation found that it stretches large things.
        """
        tensors = {name: tensor.contiguous().cpu() for name, tensor in fold(generator).state_dict().items()}
        about = {"format": FORMAT, "iteration": iteration, "settings": as_dict(settings), "stretches": stretches}
        # A single key, because the file format doesn't keep the order of several.
        metadata = {"ingan_fast": json.dumps(about, sort_keys=True)}
        atomic_write(self.generator_path, save_safetensors(tensors, metadata))

    def read_generator(self, settings: Settings) -> Generator:
        """The folded generator, in eval mode, on the CPU.

        Raises:
            UserError: there is none yet, or the file is damaged or doesn't match the settings.
        """
        if not self.generator_path.is_file():
            raise UserError(
                f"{self.path} has no generator.safetensors yet: its training was interrupted early; "
                "continue with the same call of train and resume=True"
            )
        try:
            tensors = load_safetensors(self.generator_path.read_bytes())
            _check_size(settings, tensors)
            generator = fold(Generator(settings))
            generator.load_state_dict(tensors)
        except (SafetensorError, RuntimeError, OSError) as error:
            reason = _reason(error)
            raise UserError(
                f"{self.generator_path} can't be read ({reason}); continue with resume=True, or train again"
            ) from error
        return to_channels_last(generator)

    def generator_iteration(self) -> int | None:
        """After how many iterations the generator was written; None if there is none, or its file doesn't say."""
        iteration = self._about_generator().get("iteration")
        return iteration if isinstance(iteration, int) else None

    def stretches(self) -> bool:
        """Whether a validation found that the generator stretches large things; not if its file doesn't say."""
        return self._about_generator().get("stretches") is True

    def _about_generator(self) -> dict[str, Any]:
        """What its file says beside the weights; empty if there is none."""
        try:
            with safe_open(self.generator_path, "pt") as file:
                return dict(json.loads(file.metadata()["ingan_fast"]))
        except (SafetensorError, OSError, KeyError, TypeError, ValueError):
            return {}

    def write_checkpoint(self, state: dict[str, Any]) -> None:
        buffer = io.BytesIO()
        torch.save(state, buffer)
        atomic_write(self.checkpoint_path, buffer.getvalue())

    def read_checkpoint(self) -> dict[str, Any] | None:
        """The last checkpoint; None if there is none.

        Raises:
            UserError: the file is damaged.
        """
        if not self.checkpoint_path.is_file():
            return None
        try:
            return dict(torch.load(self.checkpoint_path, map_location="cpu", weights_only=True))
        except Exception as error:  # exceptions of a damaged zip or pickle are not documented
            reason = _reason(error)
            raise UserError(
                f"{self.checkpoint_path} can't be read ({reason}); train again with overwrite=True"
            ) from error


def digest(pixels: Pixels) -> str:
    """SHA-256 of a picture's shape and values."""
    return hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).hexdigest()


def _check_size(settings: Settings, tensors: dict[str, Tensor]) -> None:
    """Check that the network of `settings` is as large as the one in the file, before memory is taken for it.

    Otherwise a downloaded config.json of a few bytes could ask for hundreds of gigabytes.

    Raises:
        RuntimeError: it is not.
    """
    expected = weights_of(settings)
    found = sum(tensor.numel() for tensor in tensors.values() if tensor.ndim == 4)
    if found != expected:
        raise RuntimeError(f"it has {found:,} weights, the network of config.json has {expected:,}")


def weights_of(settings: Settings) -> int:
    """Number of weights in the convolutions of `Generator(settings)`, without making one.

    Making one on torch's device "meta" imports a thousand modules, for more than a second.
    """
    widths = [settings.channels * 2**depth for depth in range(settings.downscales + 1)]
    inner, refined = widths[-1] // 4, 3 * widths[0] // 2
    ends = 2 * 49 * 3 * widths[0]
    ways = 2 * sum(9 * a * b for a, b in pairwise(widths))  # down and up
    block = 2 * widths[-1] * inner + 9 * inner**2
    refiner = 9 * (3 * refined + 2 * refined**2 + refined * (refined // 2) + 3 * (refined // 2))
    return ends + ways + settings.blocks * block + (settings.stages - 1) * refiner


def _images(values: Any) -> list[dict[str, Any]]:
    kinds = {"name": str, "sha256": str, "width": int, "height": int}
    images = [{key: kind(value[key]) for key, kind in kinds.items()} for value in values]
    if not images:
        raise ValueError("no images")
    return images


def _reason(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
