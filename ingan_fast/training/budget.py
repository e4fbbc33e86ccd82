"""Time budgets: computes how many iterations fit into a duration, from measured times."""

import math
import re
from dataclasses import dataclass, replace

from ingan_fast.errors import UserError
from ingan_fast.settings import Settings

SHORTEST, LONGEST = 60, 48 * 3600  # seconds
DEFAULT = 900.0  # seconds, on a CPU
PLANNED = ("iterations", "preview_every", "validate_every", "checkpoint_every")

# Bounds in multiples of a preset's iterations: more brings hardly any gain, less learns hardly anything.
MOST, LEAST = 3.0, 1 / 40

_SECONDS = {"s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True)
class Speed:
    """Measured durations in seconds."""

    iteration: float  # mean over a training, with compiled kernels
    starting: float  # remaining cost of compiling kernels
    preview: float
    validation: float
    checkpoint: float


def parse_budget(text: str) -> float:
    """Parse "90s", "10m" or "1.5h" to seconds.

    Raises:
        UserError: another format, or less than a minute or more than 48 hours.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh])", text.strip().lower(), re.ASCII)
    if match is None:
        raise UserError(f"budget {text[:40]!r} is invalid; give a time such as 90s, 10m or 1.5h")
    return check_budget(float(match[1]) * _SECONDS[match[2]])


def check_budget(seconds: float) -> float:
    """Return `seconds` if they are a valid budget.

    Raises:
        UserError: less than a minute or more than 48 hours.
    """
    if not SHORTEST <= seconds <= LONGEST:
        raise UserError(f"a budget of {seconds:g} seconds is out of range; give 1m to 48h")
    return seconds


def duration(seconds: float) -> str:
    """Text such as "45 s", "10 min", "1 h 30 min"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return " ".join(f"{number} {unit}" for number, unit in ((hours, "h"), (minutes, "min")) if number)


def fit(settings: Settings, seconds: float, speed: Speed) -> Settings:
    """`settings` with iterations and intervals such that the training takes `seconds`, or less if `MOST` is reached.

    Previews: eight times, but at least every 15 minutes, and for at most 5 % of the time. Validations likewise, for
    at most 2.5 %. Checkpoints: every 10 to 60 seconds.
    """
    most = math.ceil(MOST * settings.iterations)
    left = max(seconds - speed.starting - speed.preview - speed.validation - speed.checkpoint, 0.0)  # final ones
    shown = min(min(left, most * speed.iteration) / 8, 900.0)

    def iterations(interval: float) -> int:
        return max(1, math.ceil(interval / speed.iteration))

    preview_every = iterations(max(shown, 20 * speed.preview))
    validate_every = iterations(max(shown, 40 * speed.validation))
    checkpoint_every = iterations(min(max(10.0, 100 * speed.checkpoint), 60.0))
    each = (
        speed.iteration
        + speed.preview / preview_every
        + speed.validation / validate_every
        + speed.checkpoint / checkpoint_every
    )
    return replace(
        settings,
        iterations=min(max(1, int(left / each)), most),
        preview_every=preview_every,
        validate_every=validate_every,
        checkpoint_every=checkpoint_every,
    )


def predicted(settings: Settings, speed: Speed) -> float:
    """Predicted duration of a training in seconds."""
    count = settings.iterations
    return (
        speed.starting
        + count * speed.iteration
        + math.ceil(count / settings.preview_every) * speed.preview
        + math.ceil(count / settings.validate_every) * speed.validation
        + math.ceil(count / settings.checkpoint_every) * speed.checkpoint
    )
