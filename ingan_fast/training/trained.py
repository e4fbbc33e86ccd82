"""Retargeting with a trained generator, at any size and shape, in bounded memory."""

from collections.abc import Callable
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from ingan_fast.geometry import Transform, check_output_size
from ingan_fast.kernels import grid_warp
from ingan_fast.model.devices import pick_device
from ingan_fast.model.fold import merge_upsampling
from ingan_fast.model.networks import Generator, ReflectConv2d, shrink
from ingan_fast.model.sampling import to_pixels, to_tensor
from ingan_fast.model.tiling import Tile, halo, tiles
from ingan_fast.pictures import Pixels
from ingan_fast.retargeted import Retargeted
from ingan_fast.settings import Settings
from ingan_fast.training.run_folder import Config, RunFolder

TILE = 512  # px a side, a multiple of every generator's cell
# A larger entry map of the source is computed and warped in chunks of channels.
MAX_ENTRY_BYTES = 512 << 20


class TrainedGenerator:
    """The folded generator of a run, with its training pictures."""

    def __init__(self, generator: Generator, sources: list[Pixels], config: Config, device: torch.device):
        self.generator = generator.to(device)
        self.sources = sources
        self.config = config
        self.device = device

    @property
    def settings(self) -> Settings:
        return self.config.settings

    @property
    def source(self) -> Pixels:
        """The (first) training picture: uint8 [H, W, 3]."""
        return self.sources[0]

    @property
    def source_size(self) -> tuple[int, int]:
        """(width, height) of `source`."""
        return self.source.shape[1], self.source.shape[0]

    @torch.inference_mode()
    def retarget(
        self,
        transform: Transform,
        image: Pixels | None = None,
        tile: int | None = None,
        progress: Callable[[float], None] = lambda part: None,
    ) -> Retargeted:
        """G(x; T): the picture retargeted under `transform`; deterministic.

        Args:
            transform: an output size of at least 16 px a side, and a homography.
            image: uint8 [H, W, 3], the picture to retarget; None: the source.
            tile: side in px of the output's tiles, a multiple of 16. It determines peak memory; the result is
                independent of it up to rounding (`tiling`).
            progress: called after each tile with the fraction done, in (0, 1].

        Raises:
            UserError: the output is too small or too large.
        """
        pixels = self.source if image is None else image
        check_output_size(transform.size, (pixels.shape[1], pixels.shape[0]))
        x = to_tensor(pixels, self.device)
        width, height = transform.size
        result = np.empty((height, width, 3), np.uint8)
        canvas = _Canvas(self.generator, x, transform)
        pieces = list(tiles((height, width), tile or TILE, halo(self.settings)))
        for done, piece in enumerate(pieces, start=1):
            part = canvas.part(piece)
            (top, bottom), (left, right) = piece.rows, piece.columns
            up, along = piece.computed_rows[0], piece.computed_columns[0]
            result[top:bottom, left:right] = to_pixels(part[..., top - up : bottom - up, left - along : right - along])
            progress(done / len(pieces))
        return Retargeted.under(transform, result)


def load(run: str | Path, device: str = "auto", merge: bool = True) -> TrainedGenerator:
    """Open a run folder, of a finished or an unfinished training.

    Args:
        device: auto, cpu, cuda, cuda:N or mps.
        merge: merge upsampling with the following convolutions (`merge_upsampling`).

    Raises:
        UserError: not a run, not one of this version, or one without a generator yet.
    """
    target = pick_device(device)
    folder = RunFolder(Path(run))
    config = folder.read_config()
    generator = folder.read_generator(config.settings)
    generator = merge_upsampling(generator) if merge else generator
    return TrainedGenerator(generator, folder.read_sources(config), config, target)


class _Canvas:
    """An output computed by regions; its coordinates are computed once."""

    def __init__(self, generator: Generator, image: Tensor, transform: Transform):
        self.generator = generator
        self.grid = torch.from_numpy(transform.grid())[None].to(image.device)
        self.entry = _Entry(generator, shrink(image, generator.coarse))

    def part(self, tile: Tile) -> Tensor:
        rows, columns = slice(*tile.computed_rows), slice(*tile.computed_columns)
        every = self.generator.coarse
        warped = self.entry.warped(self.grid[:, rows, columns][:, ::every, ::every].contiguous())
        return self.generator.refine(torch.tanh(self.generator.trunk(warped)))


class _Entry:
    """The entry map of a source, sampled at any grid; computed once, or by chunks of channels if it is large."""

    def __init__(self, generator: Generator, image: Tensor):
        self.image = image
        convolution = generator.entry[0]
        assert isinstance(convolution, ReflectConv2d)
        self.convolution, self.after = convolution, nn.Sequential(*list(generator.entry)[1:])
        self.chunk = channels = self.convolution.out_channels
        while image[0, 0].numel() * 4 * self.chunk > MAX_ENTRY_BYTES and self.chunk > 1:
            self.chunk = (self.chunk + 1) // 2
        self.whole = generator.entry(image) if self.chunk == channels else None

    def warped(self, grid: Tensor) -> Tensor:
        if self.whole is not None:
            return grid_warp(self.whole, grid)
        # From the entry's convolution to the warp, channels are independent.
        weights, biases = self.convolution.weight, cast(Tensor, self.convolution.bias)
        parts = []
        for weight, bias in zip(weights.split(self.chunk), biases.split(self.chunk), strict=True):
            features = self.after(self.convolution.convolve(self.image, weight, bias))
            parts.append(grid_warp(features, grid))
        return torch.cat(parts, dim=1).contiguous(memory_format=torch.channels_last)
