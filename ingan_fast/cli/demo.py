"""`ingan-fast demo`."""

from pathlib import Path
from typing import Annotated

import typer

from ingan_fast.cli.console import messages, progress
from ingan_fast.cli.train import train
from ingan_fast.settings import PRESETS, preset

HELP = (
    "Train on a picture (a market stand that comes along, or yours) and make a page that shows it at other sizes "
    "and shapes, beside plain resizes. The same command goes on where it was cut off.\n\n"
    "Examples:\n\n"
    "    ingan-fast demo --out demo\n\n"
    "    ingan-fast demo fruit.jpg --out demo_fruit"
)


def demo(
    image: Annotated[Path | None, typer.Argument(metavar="[IMAGE]", help="A picture of many small things.")] = None,
    out: Annotated[Path, typer.Option("--out", help="The folder for the run, the pictures and index.html.")] = Path(
        "demo"
    ),
    preset_name: Annotated[str, typer.Option("--preset", help=f"One of {', '.join(PRESETS)}.")] = "learned",
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
) -> None:
    from ingan_fast.cli import demo_page as page
    from ingan_fast.pictures import MARKET
    from ingan_fast.training.trained import load

    run = out / "run"
    messages.print(
        f"First pictures, after {preset(preset_name).preview_every} iterations: {run / 'monitor' / 'latest.png'}"
    )
    train([image or MARKET], run, preset_name=preset_name, device=device, resume=True)
    trained = load(run, device)
    with progress("pictures", len(page.examples(trained.source_size))) as advance:
        index = page.make_page(trained, out, advance)
    print(f"Open {index} in a browser; {out / 'sheet.png'} shows the same on one sheet.")
