"""Describes a run for the user."""

from dataclasses import fields
from pathlib import Path

from rich.table import Table

from ingan_fast.model.step import LOSSES
from ingan_fast.quality.validation import WIDTHS
from ingan_fast.settings import PRESETS, Settings
from ingan_fast.training.budget import duration
from ingan_fast.training.curves import read_log
from ingan_fast.training.run_folder import RunFolder


def describe(run: str | Path) -> Table:
    """A table of a run's pictures, progress, settings (with changes to the preset) and versions.

    Raises:
        UserError: not a run, or not one of this version.
    """
    folder = RunFolder(Path(run))
    config = folder.read_config()
    log = read_log(folder.log_path) if folder.log_path.is_file() else []
    table = Table(title=str(run), show_header=False, title_justify="left")
    for image in config.images:
        table.add_row("picture", f"{image['name']}, {image['width']}x{image['height']}")
    done = log[-1]["iteration"] if log else 0
    ends_at = [line["ends_at"] for line in log if "ends_at" in line]
    total = f"{ends_at[-1]} (planned: {config.settings.iterations})" if ends_at else str(config.settings.iterations)
    alone = None if log else folder.generator_iteration()  # of a network without a log, such as a downloaded one
    table.add_row("iterations", f"{done} of {total}" if alone is None else str(alone))
    table.add_row("generator", _file(folder.generator_path))
    table.add_row("checkpoint", _file(folder.checkpoint_path))
    for kind, name in (("losses", LOSSES[0]), ("quality", f"coherence_x{WIDTHS[0]:g}")):
        last = next((line for line in reversed(log) if name in line), {})
        values = [f"{key} {last[key]:.4g}" for key in last if key not in ("iteration", "seconds") and last[key]]
        if values:
            table.add_row(f"last {kind}", ", ".join(values))
    table.add_row("seed, device, precision", f"{config.seed}, {config.device}, {config.precision}")
    table.add_row("versions", ", ".join(f"{name} {number}" for name, number in config.versions.items()))
    table.add_row("preset", config.preset)
    if config.budget is not None:
        table.add_row("budget", duration(config.budget))
    base = PRESETS.get(config.preset)
    for field in fields(Settings):
        value = getattr(config.settings, field.name)
        changed = base is not None and value != getattr(base, field.name)
        table.add_row(field.name, f"{value} (preset: {getattr(base, field.name)})" if changed else str(value))
    return table


def _file(path: Path) -> str:
    return f"{path.name}, {path.stat().st_size / 1e6:.1f} MB" if path.is_file() else "not written yet"
