"""Figure 10: where the method fails, on a picture of one dominant object."""

from figures.comparisons import NEW_CODE, ONE_SEED, compared, panels_of, rows_of, told
from figures.record import Figure
from figures.studio import Studio
from ingan_fast.quality.suitability import LIKELY_TO_FAIL, unlike_the_rest

TITLE = "The failure: one object that fills the picture"
METHODS = ("plain resize", "seam carving", "GPNN")


def figure_10(studio: Studio) -> Figure:
    """Wider and narrower."""
    made = compared(studio, ["coffee"], ("width x1.5", "width x0.6"), METHODS)
    alone = unlike_the_rest(studio.source("coffee"))
    look = (
        "A cup can't be laid out anew from parts of itself: the layout repeats or cuts it, what is learned paints over "
        "it, and numbers of patches do not see that (kept and coherence may look good here). A plain resize or seam "
        "carving is what to use, or the layout with the cup kept by a mask. The check that "
        f"a training begins with gives {alone:.2f} for this picture and warns above {LIKELY_TO_FAIL:g}."
    )
    trainings = [studio.training("coffee").record()]
    return Figure("10", TITLE, told(look, made), panels_of(made), rows_of(made), trainings, [ONE_SEED, NEW_CODE])
