"""Models for benchmarks, with random weights (speed does not depend on them), and their operation counts."""

import importlib.util
from collections.abc import Callable
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from ingan_fast.errors import UserError
from ingan_fast.export.run import ExportOptions, export
from ingan_fast.geometry import Transform
from ingan_fast.model.networks import Generator
from ingan_fast.model.sampling import to_tensor
from ingan_fast.pictures import Pixels
from ingan_fast.settings import Settings, preset
from ingan_fast.training.run_folder import Config, RunFolder
from ingan_fast.training.trained import read_run

FASTEST_FIRST = ("openvino", "onnxruntime", "torch")  # on a CPU
EXIT_SPREAD = 0.002  # std of the last convolution's weights: rounding errors are then as visible as after training


@torch.no_grad()
def untrained(settings: Settings, picture: Pixels) -> Generator:
    """Random weights with matching batch-norm statistics, so that bfloat16 rounds as much as in a trained one."""
    torch.manual_seed(0)
    generator = Generator(settings).train()
    torch.nn.init.normal_(generator.exit.weight, std=EXIT_SPREAD)
    for module in generator.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None  # cumulative mean, here of one pass
    image = to_tensor(picture)
    generator(image, torch.eye(3)[None], image.shape[-2:])
    return generator.eval()


def write_run(folder: Path, name: str, picture: Pixels) -> Generator:
    """Write a run folder like a training of the preset `name` on `picture`, but with random weights.

    Returns:
        The generator with its norms; in the folder they are folded.
    """
    settings = preset(name)
    run = RunFolder(folder)
    run.write_config(Config.new(settings, name, None, 0, {"picture": picture}, "cpu"), [picture])
    generator = untrained(settings, picture)
    run.write_generator(generator, settings, 0)
    return generator


def count_flop(retarget: Callable[[Transform], object], transform: Transform) -> int:
    """FLOP of the folded generator, without the sampling."""
    with FlopCounterMode(display=False) as counter:
        retarget(transform)
    return int(counter.get_total_flops())


def write_models(folder: Path, name: str, picture: Pixels) -> dict[str, Path]:
    """Write models of the preset `name` for each of `contenders`, all of one run, to `folder`.

    Raises:
        UserError: onnx is not installed.
    """
    names = contenders()
    run = folder / "run"
    write_run(run, name, picture)
    model = export(read_run(run), folder / "model", ExportOptions()).path
    return {contender: run if contender == "torch" else model for contender in names}


def contenders() -> list[str]:
    """The two fastest CPU backends that are installed, fastest first."""
    return installed(FASTEST_FIRST)[:2]


def installed(backends: tuple[str, ...]) -> list[str]:
    """The backends that are installed.

    Raises:
        UserError: onnx is not installed, which their models need.
    """
    if importlib.util.find_spec("onnx") is None:
        raise UserError("this benchmark exports a model, which needs onnx: pip install 'ingan-fast[export]'")
    return [name for name in backends if importlib.util.find_spec(name) is not None]
