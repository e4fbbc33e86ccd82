"""Figure 1: one picture at many sizes and shapes."""

from figures import captions
from figures.outputs import MethodOutput, Task
from figures.panels import panel, wrapped
from figures.record import Figure
from figures.shapes import shapes
from figures.studio import Studio
from ingan_fast.bench.figure_file import FigureRow
from ingan_fast.geometry import Transform
from ingan_fast.pictures.collage import FACTORS
from ingan_fast.pictures.sheets import Panel

TITLE = "One picture at many sizes and shapes"


def figure_1(studio: Studio) -> Figure:
    """The collage, and non-rectangular outputs below it."""
    trained = studio.training("market")
    size = trained.generator.source_size
    rows: list[FigureRow] = []

    def shown(task: Task) -> Panel:
        made: MethodOutput = studio.outputs.ours(task, trained)
        rows.append(made.row)
        return panel(made, task, task.output)

    panels = []
    for sy in FACTORS:
        panels.append(
            [
                Panel("source", trained.generator.source, framed=True)
                if sx == sy == 1
                else shown(studio.task("market", f"x{sx:g}, x{sy:g}", Transform.scale(sx, sy, size)))
                for sx in FACTORS
            ]
        )
    others = [shown(studio.task("market", name, transform)) for name, transform in shapes(size).items()]
    look = (
        "All of them are outputs of one training, one pass each; the source is framed. Fruit should have one size "
        "everywhere and be whole, and every kind should be on its shelf."
    )
    caption = captions.joined(look, captions.kept(rows), captions.times(rows))
    left_out = ["other methods (figures 5 to 8), other seeds", "kept width and height where both sides change"]
    return Figure("1", TITLE, caption, [*panels, *wrapped(others)], rows, [trained.record()], left_out)
