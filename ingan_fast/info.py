"""What a run is, for people."""

from dataclasses import fields
from pathlib import Path

from rich.table import Table

from ingan_fast.config import PRESETS, Settings
from ingan_fast.monitor import read_log
from ingan_fast.run_folder import RunFolder


def describe(run: str | Path) -> Table:
    """A table of a run's pictures, progress, settings (changes to the preset marked) and versions.

    Raises:
        UserError: not a run that this version reads.
    """
    folder = RunFolder(Path(run))
    config = folder.read_config()
    log = read_log(folder.log_path) if folder.log_path.is_file() else []
    table = Table(title=str(run), show_header=False, title_justify="left")
    for image in config.images:
        table.add_row("picture", f"{image['name']}, {image['width']}x{image['height']}")
    done = log[-1]["iteration"] if log else 0
    table.add_row("iterations", f"{done} of {config.settings.iterations}")
    table.add_row("generator", _file(folder.generator_path))
    table.add_row("checkpoint", _file(folder.checkpoint_path))
    if log:
        names = [name for name in log[-1] if name not in ("iteration", "seconds") and log[-1][name]]
        table.add_row("last losses", ", ".join(f"{name} {log[-1][name]:.4f}" for name in names))
    table.add_row("seed, device", f"{config.seed}, {config.device}")
    table.add_row("versions", ", ".join(f"{name} {number}" for name, number in config.versions.items()))
    table.add_row("preset", config.preset)
    base = PRESETS.get(config.preset)
    for field in fields(Settings):
        value = getattr(config.settings, field.name)
        changed = base is not None and value != getattr(base, field.name)
        table.add_row(field.name, f"{value} (preset: {getattr(base, field.name)})" if changed else str(value))
    return table


def _file(path: Path) -> str:
    return f"{path.name}, {path.stat().st_size / 1e6:.1f} MB" if path.is_file() else "not written yet"
