"""`ingan-fast bench`."""

import typer

from ingan_fast.cli.bench import all as everything
from ingan_fast.cli.bench import cold_start, compare, export, layout, retarget, scaling, train, video, warp

HELP = (
    "Measure speed on this machine, compared with plain torch and with the device's limits.\n\n"
    "Examples:\n\n"
    "    ingan-fast bench warp\n\n"
    "    ingan-fast bench train\n\n"
    "    ingan-fast bench retarget\n\n"
    "    ingan-fast bench scaling\n\n"
    "    ingan-fast bench layout\n\n"
    "    ingan-fast bench all\n\n"
    "    ingan-fast bench compare HEAD~10 benchmarks/report"
)

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich", help=HELP)
app.command(help=warp.HELP)(warp.warp)
app.command(help=train.HELP)(train.train)
app.command(help=retarget.HELP)(retarget.retarget)
app.command(help=export.HELP)(export.export)
app.command(help=video.HELP)(video.video)
app.command("cold-start", help=cold_start.HELP)(cold_start.cold_start)
app.command(help=scaling.HELP)(scaling.scaling)
app.command(help=layout.HELP)(layout.layout)
app.command("all", help=everything.HELP)(everything.all_)
app.command(help=compare.HELP)(compare.compare)
