"""Figures 5, 6 and 7: our outputs and other methods' at the same sizes; figure 8: with the plain homography."""

from collections.abc import Sequence
from typing import Any

from figures import captions
from figures.outputs import Compared
from figures.record import Figure
from figures.shapes import shapes
from figures.studio import Studio, compared_panels, size_of, source_panel
from ingan_fast.bench.figure_file import FigureRow
from ingan_fast.pictures.sheets import Panel

SIZE_METHODS = ("plain resize", "seam carving", "bidirectional similarity", "GPNN", "GPDM")
TEXTURE_METHODS = ("plain resize", "Spatial GAN", "image quilting", "GPNN", "GPDM")
TITLES = {
    "5": "One method, from textures to natural images",
    "6": "Textures made larger",
    "7": "Natural images, wider, narrower, taller",
    "8": "Non-rectangular outputs",
}
NO_KEPT = "kept width and height: defined only for rectangles with one side changed"
ONE_SEED = "other seeds: each training and method was run with one"
NEW_CODE = "the authors' own code of other methods (all but seam carving are written from the papers)"


def figure_5(studio: Studio) -> Figure:
    """One method, from textures to natural images."""
    pictures = studio.budget.chosen("gravel", "brick", "coins", "facade", "market")
    look = (
        "One method and one setting for a texture, rows of objects and a scene, each 1.5 times as wide. In a texture "
        "the grain should keep its size; in the others there should be more whole objects of the same size. The "
        "layout alone consists of pieces of the source: look for repetitions and cut objects. The trained generator "
        "synthesises its output: look for blur and for mixtures of objects."
    )
    return _figure(studio, "5", look, pictures, ("width x1.5",), SIZE_METHODS)


def figure_6(studio: Studio) -> Figure:
    """Textures made larger."""
    pictures = studio.budget.chosen("gravel", "brick")
    look = (
        "The grain should keep its size, without visible periods or seams. Image quilting copies whole blocks, whose "
        "borders may be visible; the Spatial GAN generates the texture from noise and copies no pixel."
    )
    return _figure(studio, "6", look, pictures, ("both x1.5", "both x2"), TEXTURE_METHODS)


def figure_7(studio: Studio) -> Figure:
    """Natural images wider, narrower, taller."""
    pictures = studio.budget.chosen("market", "coins")
    look = (
        "There should be more or fewer objects of the same size, none of them cut or blended. Seam carving distorts "
        "what it can't remove; the layout alone removes or repeats whole rows, so a kind of object may be missing or "
        "doubled (completeness measures what is missing). The patch methods run an optimisation for every output."
    )
    return _figure(studio, "7", look, pictures, ("width x1.5", "width x0.6", "height x1.5"), SIZE_METHODS)


def figure_8(studio: Studio) -> Figure:
    """Non-rectangular outputs."""
    pictures = studio.budget.chosen("market", "coins", "facade")
    tasks = [
        studio.task(picture, name, transform)
        for picture in pictures
        for name, transform in shapes(size_of(studio.source(picture))).items()
    ]
    made = [(task, studio.compare(task, ("plain homography",))) for task in tasks]
    look = (
        "The plain homography stretches objects where the shape is wide and squeezes them where it is narrow; ours "
        "should have objects of constant size everywhere, aligned with the shape's rows and columns."
    )
    left_out = [ONE_SEED, NO_KEPT]
    return Figure(
        "8", TITLES["8"], caption_of(look, made), panels_of(made), rows_of(made), _trainings(studio, pictures), left_out
    )


def _figure(
    studio: Studio, number: str, look: str, pictures: Sequence[str], outputs: Sequence[str], methods: Sequence[str]
) -> Figure:
    """All methods on all pictures and outputs."""
    made = compared(studio, pictures, outputs, methods)
    rows = rows_of(made)
    left_out = [ONE_SEED, NEW_CODE] if captions.kept(rows) else [ONE_SEED, NEW_CODE, NO_KEPT]
    return Figure(
        number, TITLES[number], caption_of(look, made), panels_of(made), rows, _trainings(studio, pictures), left_out
    )


def compared(studio: Studio, pictures: Sequence[str], outputs: Sequence[str], methods: Sequence[str]) -> Compared:
    """All methods' outputs for all pictures, at sizes of `studio.SCALES`."""
    tasks = [studio.task(picture, output) for picture in pictures for output in outputs]
    return [(task, studio.compare(task, methods)) for task in tasks]


def rows_of(made: Compared) -> list[FigureRow]:
    return [one.row for _, some in made for one in some]


def panels_of(made: Compared) -> list[list[Panel]]:
    """Rows of the sheet: each task's outputs; the source precedes a picture's first one."""
    panels: list[list[Panel]] = []
    seen: set[str] = set()
    for task, some in made:
        panels += compared_panels(task, some, [] if task.picture in seen else [source_panel(task.picture, task.source)])
        seen.add(task.picture)
    return panels


def caption_of(look: str, made: Compared) -> str:
    """The caption."""
    rows = rows_of(made)
    return captions.joined(
        look,
        captions.kept(rows),
        captions.times(rows),
        captions.behind(rows),
        captions.missing(rows),
    )


def _trainings(studio: Studio, pictures: Sequence[str]) -> list[dict[str, Any]]:
    return [studio.training(picture).record() for picture in pictures]
