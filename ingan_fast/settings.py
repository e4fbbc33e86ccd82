"""All settings of a training, and its presets."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from ingan_fast.errors import UserError
from ingan_fast.parsing import nearest


@dataclass(frozen=True)
class Settings:
    """Settings of a training. The defaults are the paper's (InGAN, ICCV 2019); differences are marked.

    Fractions refer to the whole training, so that schedules scale with `iterations`.
    """

    iterations: int = 75_000  # paper: 20k to 75k
    crop: int = 256  # px, side of a training crop; a smaller picture is used whole
    max_side: int = 1024  # a larger picture is shrunk first, so that its elements fit into a crop

    # Generator, section 2.2
    channels: int = 64  # of the entry; doubled by each downscale
    downscales: int = 3
    blocks: int = 6
    skips: bool = True
    exit_gain: float = 1.0  # factor of the exit's initial weights; < 1 keeps initial outputs out of tanh's saturation
    grey: bool = False  # force grey outputs; set automatically for grey pictures
    stages: int = 1  # 2: the generator works at half resolution, and a small second network doubles it

    # Discriminator, section 2.3
    scales: int = 5  # at ratio √2; 1 is the single-scale ablation of figure 9
    d_channels: int = 64
    window: int = 96  # px, side of the windows that further stages are trained on
    fine_at: float = 0.5  # when the scale weights have moved from coarsest-heavy to finest-heavy
    noise: float = 0.025  # standard deviation of noise on D's inputs, real and fake, for values in [-1, 1]

    # Losses, section 2.1
    reconstruction: float = 0.1  # λ; 0 is the ablation of figure 9
    detach_inverse: bool = False  # let the reconstruction loss train only the inverse pass
    places: float = 0.0  # weight of the loss that keeps colours where T puts them, averaged over squares of 16 px
    copies: float = 0.0  # weight of the L1 distance to the warped source, where T hardly changes sizes
    moments: float = 0.0  # weight of the loss that keeps mean colours and contrasts of areas of 64 px
    guidance_left: float = 1.0  # fraction of places and copies that is left at `fine_at`; 1 for pictures of one object

    # Transformations and their curriculum, section 2.4
    min_scale: float = 0.15
    max_scale: float = 2.25
    max_corner_shift: float = 0.25  # fraction of a side; the paper shifts and shears, here each corner moves freely
    resize_probability: float = 0.5  # probability of a plain resize
    size_multiple: int = 8  # of output sides (long ones: twice that); a coarser raster gives fewer shapes, saving time
    buckets: int = 24  # number of output sizes, spread evenly over the paper's range; 0: any. Each is a CUDA graph
    ramp: float = 0.15  # when the full range is reached

    # Optimisation
    learning_rate_g: float = 5e-5
    learning_rate_d: float = 5e-5
    decay_from: float = 0.5  # start of the linear decay to 0
    ema: float = 0.999  # decay of the average of G's weights; not in the paper, stabilises the deployed generator
    freeze_norm_at: float = 0.85  # batch norm is recalibrated and frozen here, so that the deployed network is trained
    early_stop: bool = False  # finish early once quality is flat over some validations (early_stop.py)

    # Intervals in iterations
    log_every: int = 20
    preview_every: int = 1000
    validate_every: int = 2500
    checkpoint_every: int = 500

    def __post_init__(self) -> None:
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if not (low <= value <= high):
                raise UserError(f"setting {name}={value} is out of range; it must be between {low:g} and {high:g}")
        if self.downscales + self.stages > MOST_HALVINGS + 1:
            raise UserError(
                f"settings downscales={self.downscales} and stages={self.stages} exclude each other; "
                f"downscales + stages must be at most {MOST_HALVINGS + 1}"
            )


MOST_HALVINGS = 3  # from an output to the coarsest features: 2 px of the smallest output (16 px), as padding needs

_FRACTION = (0.0, 1.0)
_RANGES: dict[str, tuple[float, float]] = {
    "iterations": (1, 10_000_000),
    "crop": (32, 4096),
    "max_side": (32, 8192),
    "channels": (4, 1024),
    "downscales": (0, 4),
    "blocks": (0, 64),
    "exit_gain": (0.0, 10.0),
    "stages": (1, 3),
    "window": (32, 4096),
    "places": (0.0, 1e3),
    "copies": (0.0, 1e3),
    "moments": (0.0, 1e3),
    "guidance_left": _FRACTION,
    "scales": (1, 12),
    "d_channels": (1, 1024),
    "fine_at": _FRACTION,
    "noise": _FRACTION,
    "reconstruction": (0.0, 1e3),
    "min_scale": (0.05, 1.0),
    "max_scale": (1.0, 8.0),
    "max_corner_shift": _FRACTION,
    "resize_probability": _FRACTION,
    "size_multiple": (1, 128),
    "buckets": (0, 10_000),
    "ramp": _FRACTION,
    "learning_rate_g": (0.0, 1.0),
    "learning_rate_d": (0.0, 1.0),
    "decay_from": (0.0, 0.999),
    "ema": (0.0, 0.99999),
    "freeze_norm_at": _FRACTION,
    "log_every": (1, 1_000_000),
    "preview_every": (1, 10_000_000),
    "validate_every": (1, 10_000_000),
    "checkpoint_every": (1, 10_000_000),
}

# The paper's values, and what keeps dark parts from turning into black holes: colours are held in place, in full at
# first. In full until the end, things larger than 20 px would remain stretched; at 0.03 their colours drift.
# `moments` keeps colours, contrast and textures where they belong without holding sizes.
PAPER = replace(Settings(), exit_gain=0.3, places=1.0, copies=1.0, guidance_left=0.2, moments=3.0)

# The paper's GAN, trained on one picture in 15 minutes on two cores. It learns the arrangement at half resolution,
# where elements are small relative to the receptive fields; a second stage adds detail.
LEARNED = replace(
    PAPER,
    iterations=8000,
    crop=192,
    max_side=320,  # in larger pictures, elements exceed the receptive fields
    channels=32,
    downscales=2,
    blocks=4,
    skips=False,  # with them, outputs remain stretched for thousands of iterations
    stages=2,
    scales=4,
    d_channels=32,
    reconstruction=0.0,  # costs a second pass of G, a quarter of an iteration; `places` replaces it
    size_multiple=32,
    buckets=16,
    ramp=0.1,
    learning_rate_g=2e-4,  # at twice the rate, dark parts turn black
    learning_rate_d=2e-4,
    ema=0.995,
    early_stop=True,
    preview_every=250,
    validate_every=1000,
    checkpoint_every=100,
)

# Takes seconds: for testing, not for good pictures.
SMOKE = replace(
    LEARNED,
    iterations=12,
    crop=48,
    max_side=512,
    channels=8,
    blocks=1,
    scales=2,
    d_channels=8,
    window=32,
    buckets=0,
    early_stop=False,
    log_every=4,
    preview_every=6,
    validate_every=6,
    checkpoint_every=4,
)

PRESETS: dict[str, Settings] = {"learned": LEARNED, "paper": PAPER, "smoke": SMOKE}
DEFAULT_PRESET = "learned"


def preset(name: str) -> Settings:
    """The preset called `name`.

    Raises:
        UserError: there is no such preset.
    """
    if name not in PRESETS:
        raise UserError(f"unknown preset {name!r}; choose one of {', '.join(PRESETS)}{nearest(name, PRESETS)}")
    return PRESETS[name]


def with_changes(settings: Settings, changes: Mapping[str, Any]) -> Settings:
    """`settings` with changes; values have the field's type, or are text from the command line.

    Raises:
        UserError: an unknown name (the message has the closest one), or a value of another type or out of range.
    """
    known = {field.name: field.type for field in fields(Settings)}
    values = {}
    for name, value in changes.items():
        if name not in known:
            raise UserError(f"unknown setting {name!r}{nearest(name, known)}; `ingan-fast train --help` lists all")
        values[name] = _converted(name, value, known[name])
    return replace(settings, **values)


# Settings of presets that no longer exist.
_REMOVED = ("unit_scale", "jump_x", "jump_y", "scatter", "invention")


def settings_of_run(values: Mapping[str, Any]) -> Settings:
    """The settings stored in a run folder, also of an earlier version.

    Raises:
        UserError: they are damaged.
    """
    return with_changes(Settings(), {name: value for name, value in values.items() if name not in _REMOVED})


def parse_changes(texts: Iterable[str]) -> dict[str, str]:
    """Parse `key=value` texts.

    Raises:
        UserError: a text without key or value.
    """
    changes = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name.strip() and equals and value.strip()):
            raise UserError(f"--set {text!r} is not key=value; give for example --set iterations=2000")
        changes[name.strip()] = value.strip()
    return changes


def as_dict(settings: Settings) -> dict[str, Any]:
    return asdict(settings)


def _converted(name: str, value: Any, wanted: Any) -> Any:
    text = str(value).strip()
    try:
        if wanted is bool:
            return {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}[text.lower()]
        if wanted is int:
            return int(text)
        number = float(text)
    except (KeyError, ValueError):
        kind = {bool: "true or false", int: "a whole number", float: "a number"}[wanted]
        raise UserError(f"setting {name}={text} is invalid; it must be {kind}") from None
    if not math.isfinite(number):
        raise UserError(f"setting {name}={text} is invalid; it must be a finite number")
    return number
