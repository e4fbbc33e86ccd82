"""`ingan-fast demo`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ingan_fast.cli.console import messages, progress
from ingan_fast.cli.train import train

if TYPE_CHECKING:
    from ingan_fast.cli.demo_page import Retarget
    from ingan_fast.pictures import Pixels

HELP = (
    "Make a page that shows a picture (a bundled market stand, or yours) at other sizes and shapes, next to plain "
    "resizes: at once without training, and after training also by the paper's GAN. After an interruption the same "
    "command continues.\n\n"
    "Examples:\n\n"
    "    ingan-fast demo --out demo\n\n"
    "    ingan-fast demo fruit.jpg --out demo_fruit --budget 5m\n\n"
    "    ingan-fast demo fruit.jpg --no-train"
)


def demo(
    image: Annotated[Path | None, typer.Argument(metavar="[IMAGE]", help="A picture of many small objects.")] = None,
    out: Annotated[Path, typer.Option("--out", help="The folder for the run, the pictures and index.html.")] = Path(
        "demo"
    ),
    budget: Annotated[
        str | None, typer.Option(metavar="TIME", help="Duration of the training; default on a CPU: 15m.")
    ] = None,
    training: Annotated[bool, typer.Option("--train/--no-train", help="Whether to train.")] = True,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
) -> None:
    from ingan_fast.cli.demo_page import plain
    from ingan_fast.layout import Layouts, perspective
    from ingan_fast.pictures import MARKET, fit_within, load_image
    from ingan_fast.settings import LEARNED

    path = image or MARKET
    source = fit_within(load_image(path), LEARNED.max_side)
    layouts = Layouts(source)
    ways: dict[str, Retarget] = {"layout": lambda transform: perspective.retarget(layouts, transform)}
    about = f"{path.name}, {source.shape[1]}x{source.shape[0]}"
    page = _make_page(source, ways | {"plain resize": plain(source)}, out, about)
    print(f"Open {page} in a browser; {out / 'sheet.png'} shows the same on one sheet.")
    if not training:
        return
    run = out / "run"
    messages.print(f"Training; afterwards the page gets another column. Until then look at {run}/monitor/latest.png")
    train([path], run, budget=budget, device=device, resume=True)
    _show_trained(run, source, ways, out, device)


def _show_trained(run: Path, source: "Pixels", ways: "dict[str, Retarget]", out: Path, device: str) -> None:
    """Write the page again, with the trained generator."""
    from ingan_fast.cli.demo_page import plain
    from ingan_fast.runtime.retargeter import load
    from ingan_fast.training.run_folder import RunFolder

    trained = load(run, device)
    ways = ways | {
        "learned": lambda transform: trained.retarget(transform).picture,
        "plain resize": plain(source),
    }
    config, (width, height) = RunFolder(run).read_config(), trained.source_size
    about = (
        f"{config.images[0]['name']}, {width}x{height}; learned: preset {config.preset}, "
        f"{config.settings.iterations} iterations, seed {config.seed}, {config.device}"
    )
    print(f"{_make_page(source, ways, out, about)} now also shows the trained generator.")


def _make_page(source: "Pixels", ways: "dict[str, Retarget]", out: Path, about: str) -> Path:
    from ingan_fast.cli import demo_page

    with progress("pictures", len(demo_page.examples((source.shape[1], source.shape[0])))) as advance:
        return demo_page.make_page(source, ways, out, about, advance)
