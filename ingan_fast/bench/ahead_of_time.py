"""Compiles the kernels for GPUs that need not be present, and reports registers, spills and shared memory.

`python -m ingan_fast.bench.ahead_of_time docs/kernels.md` updates the table in that page. Needs Triton for Linux,
which includes NVIDIA's assembler, but no GPU. It fails if a variant spills or reads narrowly. The table names the
sources that it was made from, so that tests need not compile everything again.
"""

import hashlib
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import triton
from triton import knobs
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from ingan_fast.kernels import triton_warp
from ingan_fast.kernels.columns import CHANNELS
from ingan_fast.kernels.epilogues import RESIZES
from ingan_fast.kernels.triton_columns import COLUMN_SIZES, columns_forward
from ingan_fast.kernels.triton_epilogue import EPILOGUE_SIZES, epilogue_forward
from ingan_fast.kernels.triton_forward import SIZES, warp_forward
from ingan_fast.kernels.triton_gather import warp_gather
from ingan_fast.kernels.triton_pad import PAD_SIZES, pad_backward, pad_forward
from ingan_fast.kernels.triton_scatter import warp_scatter

CAPABILITIES = (80, 90, 120)
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"

PADS = {
    "pad": (pad_forward, ("features", "padded")),
    "pad's gradient": (pad_backward, ("gradient", "result")),
}

EPILOGUE = "epilogue"
COLUMNS = "columns"
COLUMNS_KERNEL = 7
# Names of a kernel's whole numbers; for the warp's kernels `SIZES`.
ARGUMENTS = dict.fromkeys(PADS, PAD_SIZES) | {EPILOGUE: EPILOGUE_SIZES, COLUMNS: COLUMN_SIZES}

_POINTERS = {torch.float32: "*fp32", torch.float16: "*fp16", torch.bfloat16: "*bf16"}
_WIDE_LOAD = re.compile(r"ld\.global[\w.:]*\.v4\.b32|ld\.global[\w.:]*\.v2\.b64|cp\.async\.cg")  # 128 bits
_NARROW_LOAD = re.compile(r"ld\.global[\w.:]*\.[bu](8|16)\b")


@dataclass(frozen=True)
class Variant:
    """A kernel with its compile-time parameters."""

    kernel: str  # of the warp: "forward", "atomics" or "gather"; "pad", "pad's gradient", "epilogue" or "columns"
    dtype: torch.dtype = torch.bfloat16
    channels: int = 64
    padding: str = "reflection"
    grid: bool = False  # samples at a grid instead of a homography
    wide: bool = False  # 64-bit indices
    resize: str = "none"  # of an epilogue, which adds a second map unless it pools

    @property
    def name(self) -> str:
        dtype = str(self.dtype).removeprefix("torch.")
        wide = " · int64" * self.wide
        if self.kernel in PADS or self.kernel == COLUMNS:
            return f"{self.kernel} · {dtype} · C {self.channels}{wide}"
        if self.kernel == EPILOGUE:
            return f"{self.kernel} · {self.resize} · {dtype} · C {self.channels}{wide}"
        source = "grid" if self.grid else "homography"
        return f"{self.kernel} · {source} · {dtype} · C {self.channels} · {self.padding}{wide}"


@dataclass(frozen=True)
class Compiled:
    """Result of compiling a variant for one compute capability."""

    registers: int  # per thread
    stack: int  # bytes of local memory per thread; 0: no spills
    shared: int  # bytes per program
    wide_loads: int  # load instructions of 128 bits
    narrow_loads: int  # load instructions of 16 bits or less


def variants() -> Iterator[Variant]:
    """All combinations of interest of kernel, dtype, padding, index width, coordinates and row width."""
    for kernel in ("forward", "atomics", "gather"):
        for grid in (False, True) if kernel != "gather" else (False,):
            for channels in (64, 3):
                for dtype in _POINTERS:
                    yield Variant(kernel, dtype, channels, grid=grid)
            yield Variant(kernel, grid=grid, wide=True)
        yield Variant(kernel, channels=65)
        yield Variant(kernel, padding="border")
        yield Variant(kernel, padding="zeros")
    for kernel in PADS:
        for channels in (64, 24, 3):
            for dtype in _POINTERS:
                yield Variant(kernel, dtype, channels)
        yield Variant(kernel, channels=65)
        yield Variant(kernel, wide=True)
    for resize in RESIZES:
        for channels in (64, 24, 3):
            for dtype in _POINTERS:
                yield Variant(EPILOGUE, dtype, channels, resize=resize)
        yield Variant(EPILOGUE, channels=65, resize=resize)
        yield Variant(EPILOGUE, wide=True, resize=resize)
    for dtype in _POINTERS:
        yield Variant(COLUMNS, dtype, channels=3)
    yield Variant(COLUMNS, channels=3, wide=True)


def compile_variant(variant: Variant, capability: int) -> Compiled:
    """Compile as a launch on aligned tensors would, for a compute capability of 10 · major + minor."""
    function, pointers, constants = _arguments(variant)
    names = function.arg_names
    scalars = dict.fromkeys(ARGUMENTS.get(variant.kernel, SIZES), "i32") | {"slope": "fp32"}
    kinds = dict.fromkeys(names, "constexpr") | {name: scalars[name] for name in names if name in scalars} | pointers
    aligned: Any = {(names.index(name),): [["tt.divisibility", 16]] for name in pointers}
    source = ASTSource(function, kinds, constexprs=constants, attrs=aligned)
    kernel = triton.compile(source, target=GPUTarget("cuda", capability, 32), options=triton_warp.OPTIONS)
    registers, stack = _resources(kernel.asm["cubin"])
    ptx = kernel.asm["ptx"]
    return Compiled(
        registers=registers,
        stack=stack,
        shared=kernel.metadata.shared,
        wide_loads=len(_WIDE_LOAD.findall(ptx)),
        narrow_loads=len(_NARROW_LOAD.findall(ptx)),
    )


def checked(variant: Variant, capability: int) -> Compiled:
    """`compile_variant`, for a variant that neither spills nor loads less than 128 bits of a row at a time.

    Raises:
        AssertionError: it does.
    """
    compiled, name = compile_variant(variant, capability), f"{variant.name} on sm_{capability}"
    if compiled.stack:
        raise AssertionError(f"{name} spills {compiled.stack} bytes")
    if variant.channels % 8 == 0 and (compiled.narrow_loads or not compiled.wide_loads):
        raise AssertionError(f"{name} reads narrowly: {compiled.narrow_loads} loads of 16 bits or less")
    return compiled


def origin() -> str:
    """The compiler and the digest of all that determines the table."""
    sources = [*sorted(Path(triton_warp.__file__).parent.glob("triton_*.py")), Path(__file__)]
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()
    return f"Triton {triton.__version__}, sources {digest[:12]}"


def _arguments(variant: Variant) -> tuple[Any, dict[str, str], dict[str, Any]]:
    """The kernel, its pointer types, and its constants."""
    values = _POINTERS[variant.dtype]
    if variant.kernel in PADS:
        function, pointers = PADS[variant.kernel]
        return function, dict.fromkeys(pointers, values), triton_warp.pad_constants(variant.channels, variant.wide)
    if variant.kernel == EPILOGUE:
        adds = variant.resize != "pool"
        constants = triton_warp.epilogue_constants(variant.channels, variant.resize, "reflect", adds, variant.wide)
        return epilogue_forward, dict.fromkeys(("raw", "bias", "added", "result"), values), constants
    if variant.kernel == COLUMNS:
        raw_channels = COLUMNS_KERNEL * variant.channels // CHANNELS * CHANNELS + CHANNELS
        constants = triton_warp.columns_constants(raw_channels, variant.channels, COLUMNS_KERNEL, True, variant.wide)
        return columns_forward, {"raw": values, "bias": values, "result": "*fp32"}, constants
    if variant.kernel == "gather":
        constants = triton_warp.gather_constants(variant.channels, variant.dtype, variant.padding, variant.wide)
        return warp_gather, {"gradient": values, "matrices": "*fp32", "result": values}, constants
    scatters = variant.kernel == "atomics"
    constants = triton_warp.sampling_constants(variant.channels, variant.padding, variant.grid, variant.wide, scatters)
    if not scatters:
        return warp_forward, {"features": values, "where": "*fp32", "warped": values}, constants
    return warp_scatter, {"gradient": values, "where": "*fp32", "total": "*fp32"}, constants


def _resources(cubin: bytes) -> tuple[int, int]:
    """(registers, bytes of stack) per thread."""
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(cubin)
        file.flush()
        command = [knobs.nvidia.cuobjdump.path, "--dump-resource-usage", file.name]
        said = subprocess.run(command, check=True, capture_output=True, text=True)
    used = dict(re.findall(r"\b(REG|STACK|LOCAL):(\d+)", said.stdout + said.stderr))
    return int(used["REG"]), int(used["STACK"]) + int(used["LOCAL"])


def table() -> str:
    """Markdown table: a row per variant with registers, stack and shared memory for each compute capability."""
    title = " | ".join(f"sm_{capability}" for capability in CAPABILITIES)
    lines = [
        f"{origin()}; registers per thread / bytes of stack (spills) per thread / bytes of shared memory per program:",
        "",
        f"| variant | {title} |",
        "|---|" + "---|" * len(CAPABILITIES),
    ]
    for variant in variants():
        cells = []
        for capability in CAPABILITIES:
            compiled = checked(variant, capability)
            cells.append(f"{compiled.registers} / {compiled.stack} / {compiled.shared}")
        lines.append(f"| {variant.name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    page = Path(sys.argv[1])
    before, _, rest = page.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    page.write_text(f"{before}{BEGIN}\n{table()}\n{END}{after}")


if __name__ == "__main__":
    main()
