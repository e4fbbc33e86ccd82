"""`ingan-fast train`."""

from dataclasses import fields
from pathlib import Path
from shlex import quote
from typing import Annotated, Any

import typer

from ingan_fast.cli.console import INTERRUPTED, messages
from ingan_fast.settings import DEFAULT_PRESET, PRESETS, parse_changes
from ingan_fast.training.budget import parse_budget
from ingan_fast.training.progress import training_progress


def _settings_help() -> str:
    settings = PRESETS[DEFAULT_PRESET]
    values = ", ".join(f"{field.name}={getattr(settings, field.name)}" for field in fields(settings))
    return f"\n\nSettings for --set, with the values of the preset {DEFAULT_PRESET}: {values}."


HELP = (
    "Train a generator on one picture, or on several similar ones; by default with the preset learned, for about "
    "fifteen minutes on a CPU.\n\n"
    "Examples:\n\n"
    "    ingan-fast train fruit.jpg\n\n"
    "    ingan-fast train fruit.jpg --budget 1h                    ends after an hour\n\n"
    "    ingan-fast train fruit.jpg --out runs/fruit\n\n"
    "    ingan-fast train fruit.jpg --out runs/fruit --resume      continue after a crash or Ctrl-C\n\n"
    "    ingan-fast train fruit.jpg --out runs/long --preset paper --device cuda\n\n"
    "    ingan-fast train a.png b.png --out runs/both --iterations 5000 --set crop=128" + _settings_help()
)


def train(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Pictures, 32 px a side or more.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="RUN", help="The run folder to create; default: runs/<the picture's name>."),
    ] = None,
    preset_name: Annotated[
        str | None, typer.Option("--preset", help=f"One of {', '.join(PRESETS)}; default: {DEFAULT_PRESET}.")
    ] = None,
    budget: Annotated[
        str | None, typer.Option(metavar="TIME", help="Duration of the training, from 1m to 48h (units s, m, h).")
    ] = None,
    iterations: Annotated[int | None, typer.Option(help="Number of iterations; default: the preset's.")] = None,
    early_stop: Annotated[
        bool | None,
        typer.Option(
            "--early-stop/--no-early-stop",
            help="Finish early once quality no longer changes; default: yes for learned, no for paper.",
        ),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
    engine: Annotated[
        str,
        typer.Option(
            help="How steps run: eager, graphs (CUDA graphs captured once per shape; GPU only), or auto: graphs on a "
            "GPU, eager on a CPU."
        ),
    ] = "auto",
    precision: Annotated[
        str, typer.Option(help="Of convolutions: float32, bfloat16, float16, or auto: the fastest on the device.")
    ] = "auto",
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same result.")] = 0,
    changes: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a setting; repeatable.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue from RUN's last checkpoint.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the run in RUN.")] = False,
    tensorboard: Annotated[bool, typer.Option("--tensorboard", help="Also write TensorBoard events.")] = False,
) -> None:
    wanted: dict[str, Any] = dict(parse_changes(changes or []))
    if iterations is not None:
        wanted["iterations"] = iterations
    seconds = None if budget is None else parse_budget(budget)
    run = out or Path("runs") / images[0].stem
    from ingan_fast.training.loop import train as run_training

    with training_progress(messages) as report:
        result = run_training(
            images,
            run,
            preset_name=preset_name,
            budget=seconds,
            settings=wanted,
            early_stop=early_stop,
            device=device,
            engine=engine,
            precision=precision,
            seed=seed,
            resume=resume,
            overwrite=overwrite,
            tensorboard=tensorboard,
            report=report,
            notice=messages.print,
        )
    if not result.finished:
        messages.print(
            f"Stopped; iteration {result.iteration} of {result.iterations} is saved in {run}. "
            "The same command with --resume continues."
        )
        raise typer.Exit(INTERRUPTED)
    print(f"{run}: trained, {result.iteration} iterations. Look at {run / 'monitor' / 'latest.png'}, then for example:")
    print(f"    ingan-fast retarget {quote(str(run))} --scale 1.5x1 --out wide.png")
