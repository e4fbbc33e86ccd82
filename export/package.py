"""AOTInductor packages: the graph compiled ahead of time, for torch and for C++ programs with libtorch."""

from pathlib import Path

import torch

from ingan_fast.errors import UserError
from ingan_fast.export.model import Exported
from ingan_fast.runtime.backends import first_line


def write_package(exported: Exported, path: Path, device: torch.device) -> None:
    """Compile `exported` for a device and write it as one .pt2 file.

    Raises:
        UserError: there is no C++ compiler, or it fails.
    """
    graph = exported.graph.to(device)
    inputs = tuple(tensor.to(device) for tensor in exported.inputs.values())
    # Dim.AUTO, because the exporter can't prove that padding to a multiple never shrinks a side.
    shapes = tuple(
        {axis: torch.export.Dim.AUTO for axis, side in enumerate(shape) if isinstance(side, str)}
        for shape in exported.shapes.values()
    )
    with torch.no_grad():
        program = torch.export.export(graph, inputs, dynamic_shapes=shapes)
    try:
        torch._inductor.aoti_compile_and_package(program, package_path=str(path))
    except Exception as error:  # from inductor or the compiler
        raise UserError(f"the package can't be compiled: {first_line(error)}; torch needs a C++ compiler") from error
