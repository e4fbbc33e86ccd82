"""What a retargeting is compared with, simple and published methods behind one signature.

    >>> from ingan_fast.baselines import BASELINES
    >>> wide = BASELINES["gpnn"].function(source, (width, height), seed=0)

Importing this package loads no torch: what needs it is imported when it is first used.
"""

from ingan_fast.baselines.resampling import plain_resize, seam_carve

__all__ = ["plain_resize", "seam_carve"]
