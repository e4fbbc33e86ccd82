"""Boosted cascades of local binary patterns: which windows of a picture show what a cascade was trained for.

After Viola and Jones, "Rapid Object Detection using a Boosted Cascade of Simple Features", CVPR 2001, and Zhang et al.,
"Face Detection Based on Multi-Block LBP Representation", ICB 2007, in OpenCV's file format.
"""

from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from ingan_fast.layout import compiled
from ingan_fast.layout.pictures import Mask

CODES = 256  # a pattern tells which of eight blocks are at least as bright as the one in their middle
CORNERS = np.indices((4, 4)).reshape(2, -1)  # (row, column) of the corners of three by three blocks
AROUND = (0, 1, 2, 5, 8, 7, 6, 3)  # the blocks around the middle one, from the upper left on


@dataclass(frozen=True)
class Cascade:
    """A cascade of stages, each a weighted vote of n patterns.

    Attributes:
        side: px of its windows.
        counts: int64 [stages], patterns of each.
        thresholds: float64 [stages], least sum of each that lets a window pass.
        boxes: int64 [n, 4], left, top, width and height of each pattern's first block.
        subsets: bool [n, 256], the codes of a pattern for which its first leaf is added, otherwise the second one.
        leaves: float64 [n, 2].
    """

    side: int
    counts: NDArray[np.int64]
    thresholds: NDArray[np.float64]
    boxes: NDArray[np.int64]
    subsets: Mask
    leaves: NDArray[np.float64]

    def passed(self, picture: NDArray[np.uint8], every: int) -> Mask:
        """Which windows show it: [rows, columns], their upper left corners `every` px apart.

        Args:
            picture: [h, w], grey, of at most 8 megapixels.
        """
        shape = tuple(max(0, (size - self.side) // every + 1) for size in picture.shape)
        if compiled.available:
            result = np.zeros(shape, bool)
            tables = self.counts, self.thresholds, self.boxes, self.subsets, self.leaves
            compiled.loops.pass_cascade(np.ascontiguousarray(picture), self.side, *tables, every, result)
            return result
        return self._passed(picture, every, shape)

    def _passed(self, picture: NDArray[np.uint8], every: int, shape: tuple[int, ...]) -> Mask:
        row_length = picture.shape[1] + 1
        integral = np.pad(np.cumsum(np.cumsum(picture, axis=0, dtype=np.int32), axis=1), ((1, 0), (1, 0))).ravel()
        rows, columns = (np.arange(count) * every for count in shape)
        places = (rows[:, None] * row_length + columns).ravel()
        left = np.arange(places.size)
        ends = np.cumsum(self.counts)
        for first, end, threshold in zip(ends - self.counts, ends, self.thresholds, strict=True):
            sums = np.zeros(left.size)
            for (x, y, width, height), subset, leaves in zip(
                self.boxes[first:end], self.subsets[first:end], self.leaves[first:end], strict=True
            ):
                corners = (y + CORNERS[0] * height) * row_length + x + CORNERS[1] * width
                values = integral[places[left][:, None] + corners].reshape(-1, 4, 4)
                blocks = np.diff(np.diff(values, axis=1), axis=2).reshape(-1, 9)
                bits = blocks[:, AROUND] >= blocks[:, 4:5]
                sums += np.where(subset[np.packbits(bits, axis=1)[:, 0]], *leaves)
            left = left[sums >= threshold]
        result = np.zeros(places.size, bool)
        result[left] = True
        return result.reshape(shape)


def read(path: Path) -> Cascade:
    """A cascade from OpenCV's file (type BOOST, features LBP, trees of one node)."""
    cascade = ElementTree.parse(path).getroot().find("cascade")
    assert cascade is not None, path
    boxes = np.array([each.text.split() for each in cascade.iterfind("features/_/rect")], np.int64)  # type: ignore[union-attr]
    stages = list(cascade.iterfind("stages/_"))
    trees = [list(stage.iterfind("weakClassifiers/_")) for stage in stages]
    nodes = np.array([tree.findtext("internalNodes", "").split() for stage in trees for tree in stage], np.int64)
    bits = nodes[:, 3:, None].astype(np.int32) >> np.arange(32) & 1  # of words of 32 codes
    return Cascade(
        int(cascade.findtext("width", "")),
        np.array([len(stage) for stage in trees], np.int64),
        np.array([stage.findtext("stageThreshold", "") for stage in stages]).astype(np.float64),
        np.ascontiguousarray(boxes[nodes[:, 2]]),
        np.ascontiguousarray(bits.reshape(-1, CODES) > 0),
        np.array([tree.findtext("leafValues", "").split() for stage in trees for tree in stage]).astype(np.float64),
    )
