"""Models to measure: of random weights, since what they show costs no time; and what they compute."""

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
from ingan_fast.training.trained import load

FASTEST_FIRST = ("openvino", "onnxruntime", "torch")  # on a CPU
EXIT_SPREAD = 0.002  # of the last convolution's weights: rounding shows about as much as in a trained generator


@torch.no_grad()
def untrained(settings: Settings, picture: Pixels) -> Generator:
    """Random weights, and norms that know their activations: what bfloat16 rounds is as large as in a trained one."""
    torch.manual_seed(0)
    generator = Generator(settings).train()
    torch.nn.init.normal_(generator.exit.weight, std=EXIT_SPREAD)
    for module in generator.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None  # the plain mean of all that follows: of one pass
    image = to_tensor(picture)
    generator(image, torch.eye(3)[None], image.shape[-2:])
    return generator.eval()


def write_run(folder: Path, name: str, picture: Pixels) -> Generator:
    """The run folder that a training of the preset `name` on `picture` leaves, but for its weights.

    Returns:
        The generator, with its norms: in the folder they are folded in.
    """
    settings = preset(name)
    run = RunFolder(folder)
    run.write_config(Config.new(settings, name, None, 0, {"picture": picture}, "cpu"), [picture])
    generator = untrained(settings, picture)
    run.write_generator(generator, settings, 0)
    return generator


def count_flop(retarget: Callable[[Transform], object], transform: Transform) -> int:
    """Of the folded generator; what sampling costs is not counted."""
    with FlopCounterMode(display=False) as counter:
        retarget(transform)
    return int(counter.get_total_flops())


def write_models(folder: Path, name: str, picture: Pixels) -> dict[str, Path]:
    """A model of the preset `name` for each of `contenders`: of one run, in `folder`.

    Raises:
        UserError: onnx is missing, without which there is none.
    """
    names = contenders()
    run = folder / "run"
    write_run(run, name, picture)
    model = export(load(run, "cpu"), folder / "model", ExportOptions()).path
    return {contender: run if contender == "torch" else model for contender in names}


def contenders() -> list[str]:
    """The fastest backend on a CPU that is installed, and the next one."""
    return installed(FASTEST_FIRST)[:2]


def installed(backends: tuple[str, ...]) -> list[str]:
    """Those of the backends that are there.

    Raises:
        UserError: onnx is missing, without which there is no model for them.
    """
    if importlib.util.find_spec("onnx") is None:
        raise UserError("this benchmark exports a model, which needs onnx: pip install 'ingan-fast[export]'")
    return [name for name in backends if importlib.util.find_spec(name) is not None]
