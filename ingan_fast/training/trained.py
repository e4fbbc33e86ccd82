"""What a training leaves behind: the folded generator, its pictures and its configuration."""

from dataclasses import dataclass
from pathlib import Path

from ingan_fast.geometry import Size
from ingan_fast.model.fold import merge_upsampling
from ingan_fast.model.networks import Generator
from ingan_fast.pictures import Pixels
from ingan_fast.settings import Settings
from ingan_fast.training.run_folder import Config, RunFolder


@dataclass(frozen=True)
class TrainedRun:
    """The folded generator of a run, on the CPU in float32, with its training pictures.

    Attributes:
        stretches: whether the last validation found that it stretches large things (`quality.validation.stretches`).
    """

    generator: Generator
    sources: list[Pixels]
    config: Config
    stretches: bool = False

    @property
    def settings(self) -> Settings:
        return self.config.settings

    @property
    def source(self) -> Pixels:
        """The (first) training picture: uint8 [H, W, 3]."""
        return self.sources[0]

    @property
    def source_size(self) -> Size:
        """(width, height) of `source`."""
        return self.source.shape[1], self.source.shape[0]


def read_run(run: str | Path, merge: bool = True) -> TrainedRun:
    """Read a run folder, of a finished or an unfinished training.

    Args:
        merge: merge upsampling with the following convolutions (`merge_upsampling`).

    Raises:
        UserError: not a run, not one of this version, or one without a generator yet.
    """
    folder = RunFolder(Path(run))
    config = folder.read_config()
    generator = folder.read_generator(config.settings)
    generator = merge_upsampling(generator) if merge else generator
    return TrainedRun(generator, folder.read_sources(config), config, folder.stretches())
