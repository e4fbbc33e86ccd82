"""Baselines for comparison: simple and published retargeting methods, implemented from their papers.

>>> from ingan_fast.baselines import BASELINES
>>> wide = BASELINES["GPNN"](source, (432, 224), seed=0)
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from ingan_fast.baselines.bidirectional import bidirectional_similarity
from ingan_fast.baselines.gpdm import patch_distribution_matching
from ingan_fast.baselines.gpnn import patch_nearest_neighbours
from ingan_fast.baselines.quilting import quilt
from ingan_fast.baselines.spatial_gan import spatial_gan_texture
from ingan_fast.callbacks import Progress
from ingan_fast.geometry import Size, Transform
from ingan_fast.quality.resampling import plain_homography, plain_resize, seam_carve


@dataclass(frozen=True)
class Baseline:
    """A method, as benchmarks use it."""

    function: Callable[..., Any]
    paper: str  # "" if there is none
    seeded: bool = True  # the function takes `seed` and `progress`

    def __call__(
        self, source: NDArray[Any], target: Size | Transform, *, seed: int = 0, progress: Progress | None = None
    ) -> Any:
        """Call the function with its defaults, for a size, or a transform for "plain homography"."""
        options: dict[str, Any] = {"seed": seed, "progress": progress} if self.seeded else {}
        return self.function(source, target, **options)


BASELINES = {
    "plain resize": Baseline(plain_resize, "", seeded=False),
    "plain homography": Baseline(plain_homography, "", seeded=False),
    "seam carving": Baseline(seam_carve, "Rubinstein, Shamir & Avidan, SIGGRAPH 2008", seeded=False),
    "bidirectional similarity": Baseline(bidirectional_similarity, "Simakov et al., CVPR 2008"),
    "GPNN": Baseline(patch_nearest_neighbours, "Granot et al., CVPR 2022"),
    "GPDM": Baseline(patch_distribution_matching, "Elnekave & Weiss, ECCV 2022"),
    # Of textures only:
    "image quilting": Baseline(quilt, "Efros & Freeman, SIGGRAPH 2001"),
    "Spatial GAN": Baseline(spatial_gan_texture, "Jetchev, Bergmann & Vollgraf, 2016"),
}
