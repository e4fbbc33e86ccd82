"""Figure 10: where the method fails, on a picture of one dominant object."""

from figures.comparisons import NEW_CODE, ONE_SEED, caption_of, compared, panels_of, rows_of
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
        "A cup can't be retargeted from parts of itself: the layout repeats or cuts it, the trained generator paints "
        "over it, and patch measures do not detect that (kept and coherence may look good here). Use a plain resize "
        "or seam carving instead, or the layout with a mask that keeps the cup. The check before a "
        f"training gives {alone:.2f} for this picture and warns above {LIKELY_TO_FAIL:g}."
    )
    trainings = [studio.training("coffee").record()]
    return Figure("10", TITLE, caption_of(look, made), panels_of(made), rows_of(made), trainings, [ONE_SEED, NEW_CODE])
