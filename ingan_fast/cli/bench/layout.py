"""`ingan-fast bench layout`."""

from typing import Annotated

import typer

from ingan_fast.cli.bench.common import JsonPath, Picture, check_count, finish, start
from ingan_fast.cli.console import progress
from ingan_fast.errors import UserError
from ingan_fast.layout.limits import check_layout_size
from ingan_fast.parsing import parse_size

HELP = (
    "Speed of layouts without training (tables, solution, drawing; time and memory up to 24 megapixels, with fitted "
    "exponents), and speed and quality compared with a plain resize, seam carving, bidirectional similarity, GPNN and "
    "GPDM for small outputs.\n\n"
    "Examples:\n\n"
    "    ingan-fast bench layout\n\n"
    "    ingan-fast bench layout --image photo.jpg --size 1280x960 --size 4000x3000 --no-methods --json layout.json"
)


def layout(
    sizes: Annotated[
        list[str] | None,
        typer.Option("--size", metavar="WxH", help="Size of the picture; repeatable; 640x480 to 5656x4242."),
    ] = None,
    repeat: Annotated[int, typer.Option(help="Timed calls per size.")] = 3,
    side: Annotated[int, typer.Option(help="The longer side, in px, of the picture for comparing methods.")] = 160,
    methods: Annotated[bool, typer.Option("--methods/--no-methods", help="Compare with other methods.")] = True,
    image: Picture = None,
    json_path: JsonPath = None,
) -> None:
    wanted = tuple(parse_size(text, check_layout_size) for text in sizes or ())
    check_count("repeat", repeat)
    if not 48 <= side <= 1024:
        raise UserError(f"--side {side} is out of range; give a whole number from 48 to 1024")
    start("cpu", json_path, image)
    from ingan_fast.bench import layout as bench
    from ingan_fast.pictures import MARKET

    defaults = bench.LayoutRequest()
    request = bench.LayoutRequest(
        wanted or defaults.sources,
        repeat=repeat,
        side=side,
        compared=defaults.compared if methods else (),
    )
    with progress("measuring", bench.steps(request)) as advance:
        results = bench.measure(request, image or MARKET, advance)
    finish(results, json_path)
