"""Every setting of a training, its presets, and how a user changes one."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from ingan_fast.errors import UserError
from ingan_fast.parsing import nearest


@dataclass(frozen=True)
class Settings:
    """One training's settings. The defaults are the paper's (InGAN, ICCV 2019); a departure says why.

    Fractions are parts of the whole training, so that a preset keeps its shape when `iterations` changes.
    """

    iterations: int = 75_000  # paper: 20k to 75k
    crop: int = 256  # px a side of a training crop; a smaller picture is used whole
    max_side: int = 1024  # a larger picture is made smaller first: elements must fit into a crop

    # Generator, section 2.2
    channels: int = 64  # of the entry; doubled by every downscale
    downscales: int = 3
    blocks: int = 6
    skips: bool = True
    exit_gain: float = 1.0  # of the exit's first weights; less keeps the first pictures away from tanh's ends
    grey: bool = False  # outputs are exactly grey; a training on grey pictures sets it
    stages: int = 1  # 2: the generator works at half size, and a second, small one makes its picture twice as large

    # Discriminator, section 2.3
    scales: int = 5  # at ratio √2; 1 is the single-scale ablation of figure 9
    d_channels: int = 64
    window: int = 96  # px a side of the parts of a picture that further stages are trained on
    fine_at: float = 0.5  # when the scale weights have gone from coarsest-heavy to finest-heavy
    noise: float = 0.025  # standard deviation on what D sees, real and fake, of values in [-1, 1]

    # Losses, section 2.1
    reconstruction: float = 0.1  # λ; 0 is the ablation of figure 9
    detach_inverse: bool = False  # let the reconstruction train the inverse pass alone
    places: float = 0.0  # weight of colours staying where T puts them, looked at in squares of 16 px
    copies: float = 0.0  # weight of being the source warped, where T hardly changes sizes

    # Transformations and their curriculum, section 2.4
    min_scale: float = 0.15
    max_scale: float = 2.25
    max_corner_shift: float = 0.25  # of a side; the paper moves shifts and shears, here all corners are free
    resize_probability: float = 0.5  # how often the corners stay where they are
    size_multiple: int = 8  # output sides, long ones twice that; a coarser raster means fewer shapes, which cost time
    buckets: int = 24  # sizes of outputs, spread evenly over the paper's range; 0: any. A GPU records a step for each
    ramp: float = 0.15  # when the full range is reached

    # Optimisation
    learning_rate_g: float = 5e-5
    learning_rate_d: float = 5e-5
    decay_from: float = 0.5  # linear to 0 from here
    ema: float = 0.999  # of G's weights; not in the paper, steadies what is deployed
    freeze_norm_at: float = 0.85  # batch norm's statistics are recalibrated and fixed: deployed = trained
    early_stop: bool = False  # skip to the end once quality has been flat for some validations (validation.py)

    # What is kept while training
    log_every: int = 20
    preview_every: int = 1000
    validate_every: int = 2500
    checkpoint_every: int = 500

    def __post_init__(self) -> None:
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if not (low <= value <= high):
                raise UserError(f"setting {name}={value} is not possible; it must lie between {low:g} and {high:g}")
        if self.downscales + self.stages > MOST_HALVINGS + 1:
            raise UserError(
                f"settings downscales={self.downscales} and stages={self.stages} are not possible together; "
                f"downscales + stages must be {MOST_HALVINGS + 1} at most"
            )


MOST_HALVINGS = 4  # between an output and the network's coarsest features: tiles start at multiples of 16 px

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

PAPER = Settings()

# The paper's GAN, learned from one picture in a quarter of an hour on two cores. It finds what lies where at half size,
# where things are small beside what the networks see, and a second stage makes that picture sharp.
LEARNED = replace(
    PAPER,
    iterations=8000,
    crop=192,
    max_side=320,  # larger, and elements outgrow what the networks see
    channels=32,
    downscales=2,
    blocks=4,
    skips=False,  # with them pictures stay stretched for thousands of iterations
    exit_gain=0.3,
    stages=2,
    scales=4,
    d_channels=32,
    reconstruction=0.0,  # a second pass of G, a quarter of an iteration; `places` holds things in place instead
    places=1.0,
    copies=1.0,
    size_multiple=32,
    buckets=16,
    ramp=0.1,
    learning_rate_g=2e-4,  # twice as much, and dark parts turn black again
    learning_rate_d=2e-4,
    ema=0.995,
    preview_every=250,
    validate_every=1000,
    checkpoint_every=100,
)

# Seconds: to see that everything runs, not to look at.
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
    log_every=4,
    preview_every=6,
    validate_every=6,
    checkpoint_every=4,
)

PRESETS: dict[str, Settings] = {"learned": LEARNED, "paper": PAPER, "smoke": SMOKE}
DEFAULT_PRESET = "learned"


def preset(name: str) -> Settings:
    """The preset of that name.

    Raises:
        UserError: no such preset.
    """
    if name not in PRESETS:
        raise UserError(f"no preset {name!r}; there are {', '.join(PRESETS)}{nearest(name, PRESETS)}")
    return PRESETS[name]


def with_changes(settings: Settings, changes: Mapping[str, Any]) -> Settings:
    """`settings` with some of them changed; values of the field's type, or text as the command line has it.

    Raises:
        UserError: an unknown name (with the nearest one), a value of another type or out of its range.
    """
    known = {field.name: field.type for field in fields(Settings)}
    values = {}
    for name, value in changes.items():
        if name not in known:
            raise UserError(f"no setting {name!r}{nearest(name, known)}; `ingan-fast train --help` lists them")
        values[name] = _converted(name, value, known[name])
    return replace(settings, **values)


# Settings of the layouts that former presets were trained on.
_REMOVED = ("unit_scale", "jump_x", "jump_y", "scatter", "invention")


def settings_of_run(values: Mapping[str, Any]) -> Settings:
    """The settings that a run folder holds, also one of an earlier version.

    Raises:
        UserError: one that this version can't play, or a damaged one.
    """
    if values.get("unit_scale"):
        raise UserError(
            "the run was trained with the preset cpu or best, which this version does not have; train it again, or lay "
            "its picture out without training: ingan-fast retarget PICTURE"
        )
    return with_changes(Settings(), {name: value for name, value in values.items() if name not in _REMOVED})


def parse_changes(texts: Iterable[str]) -> dict[str, str]:
    """`key=value` texts as a dictionary.

    Raises:
        UserError: a text without a key or a value.
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
        raise UserError(f"setting {name}={text} is not possible; it must be {kind}") from None
    if not math.isfinite(number):
        raise UserError(f"setting {name}={text} is not possible; it must be a finite number")
    return number
