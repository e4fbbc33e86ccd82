"""`ingan-fast train`."""

from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any

import typer

from ingan_fast.cli.console import INTERRUPTED, messages
from ingan_fast.config import PRESETS, parse_changes, preset, with_changes
from ingan_fast.progress import training_progress


def _settings_help() -> str:
    values = ", ".join(f"{field.name}={getattr(PRESETS['cpu'], field.name)}" for field in fields(PRESETS["cpu"]))
    return f"\n\nSettings for --set, with the values of the preset cpu: {values}."


HELP = (
    "Train a generator on one picture, or on several of a kind.\n\n"
    "Examples:\n\n"
    "    ingan-fast train fruit.jpg --out runs/fruit\n\n"
    "    ingan-fast train fruit.jpg --out runs/fruit --resume      go on after a crash or Ctrl-C\n\n"
    "    ingan-fast train fruit.jpg --out runs/long --preset paper --device cuda\n\n"
    "    ingan-fast train a.png b.png --out runs/both --iterations 5000 --set crop=128" + _settings_help()
)


def train(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Pictures, 32 px a side or more.")],
    out: Annotated[Path, typer.Option("--out", metavar="RUN", help="The run folder that is made.")],
    preset_name: Annotated[str, typer.Option("--preset", help=f"One of {', '.join(PRESETS)}.")] = "cpu",
    iterations: Annotated[int | None, typer.Option(help="Instead of the preset's number.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same result.")] = 0,
    changes: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a setting; repeatable.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from RUN's last checkpoint.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the run in RUN.")] = False,
    tensorboard: Annotated[bool, typer.Option("--tensorboard", help="Also write TensorBoard events.")] = False,
) -> None:
    wanted: dict[str, Any] = dict(parse_changes(changes or []))
    if iterations is not None:
        wanted["iterations"] = iterations
    total = with_changes(preset(preset_name), wanted).iterations
    from ingan_fast.training import train as run_training

    with training_progress(total, messages) as report:
        result = run_training(
            images,
            out,
            preset_name=preset_name,
            settings=wanted,
            device=device,
            seed=seed,
            resume=resume,
            overwrite=overwrite,
            tensorboard=tensorboard,
            report=report,
            notice=messages.print,
        )
    if not result.finished:
        messages.print(
            f"Stopped; iteration {result.iteration} of {total} is saved in {out}. "
            "The same command with --resume goes on."
        )
        raise typer.Exit(INTERRUPTED)
    print(f"{out}: trained, {result.iteration} iterations. Look at {out / 'monitor' / 'latest.png'}, then for example:")
    print(f"    ingan-fast retarget {out} --scale 1.5x1 --out wide.png")
