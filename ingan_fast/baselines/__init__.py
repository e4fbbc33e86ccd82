"""Baselines for comparison: simple and published retargeting methods, implemented from their papers.

    >>> from ingan_fast.baselines import BASELINES
    >>> wide = BASELINES["GPNN"](source, (432, 224), seed=0)

Importing this package does not import torch: each function is imported on first use.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from ingan_fast.callbacks import Progress
from ingan_fast.geometry import Size, Transform
from ingan_fast.quality.resampling import plain_homography, plain_resize, seam_carve

if TYPE_CHECKING:
    from ingan_fast.baselines.bidirectional import bidirectional_similarity
    from ingan_fast.baselines.gpdm import patch_distribution_matching
    from ingan_fast.baselines.gpnn import patch_nearest_neighbours
    from ingan_fast.baselines.quilting import quilt
    from ingan_fast.baselines.spatial_gan import spatial_gan_texture

__all__ = [
    "BASELINES",
    "Baseline",
    "bidirectional_similarity",
    "patch_distribution_matching",
    "patch_nearest_neighbours",
    "plain_homography",
    "plain_resize",
    "quilt",
    "seam_carve",
    "spatial_gan_texture",
]

_HOME = {
    "bidirectional_similarity": "bidirectional",
    "patch_distribution_matching": "gpdm",
    "patch_nearest_neighbours": "gpnn",
    "quilt": "quilting",
    "spatial_gan_texture": "spatial_gan",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'ingan_fast.baselines' has no attribute {name!r}")
    return getattr(import_module(f"ingan_fast.baselines.{_HOME[name]}"), name)


@dataclass(frozen=True)
class Baseline:
    """A method, as benchmarks use it."""

    function_name: str  # in this package
    paper: str  # "" if there is none
    outputs: frozenset[str]  # of "size" (any picture, another size), "texture" (another size), "shape" (a homography)
    seeded: bool = True  # the function takes `seed` and `progress`

    @property
    def function(self) -> Callable[..., Any]:
        function: Callable[..., Any] = getattr(import_module(__name__), self.function_name)
        return function

    def __call__(
        self, source: NDArray[Any], target: Size | Transform, *, seed: int = 0, progress: Progress | None = None
    ) -> Any:
        """Call the function with its defaults, for a size or (outputs "shape") a transform."""
        options: dict[str, Any] = {"seed": seed, "progress": progress} if self.seeded else {}
        return self.function(source, target, **options)


_ANY = frozenset({"size", "texture"})
_TEXTURE = frozenset({"texture"})

BASELINES = {
    "plain resize": Baseline("plain_resize", "", _ANY, seeded=False),
    "plain homography": Baseline("plain_homography", "", frozenset({"shape"}), seeded=False),
    "seam carving": Baseline("seam_carve", "Rubinstein, Shamir & Avidan, SIGGRAPH 2008", _ANY, seeded=False),
    "bidirectional similarity": Baseline("bidirectional_similarity", "Simakov et al., CVPR 2008", _ANY),
    "GPNN": Baseline("patch_nearest_neighbours", "Granot et al., CVPR 2022", _ANY),
    "GPDM": Baseline("patch_distribution_matching", "Elnekave & Weiss, ECCV 2022", _ANY),
    "image quilting": Baseline("quilt", "Efros & Freeman, SIGGRAPH 2001", _TEXTURE),
    "Spatial GAN": Baseline("spatial_gan_texture", "Jetchev, Bergmann & Vollgraf, 2016", _TEXTURE),
}
