"""TensorRT engines: builds them from an exported graph, checks them against the sidecar's outputs, caches them."""

import contextlib
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from ingan_fast.callbacks import Notice
from ingan_fast.errors import UserError
from ingan_fast.export.builder import Order, build, optional
from ingan_fast.export.profiles import Profile, default_profiles
from ingan_fast.export.uint8 import wrap_uint8
from ingan_fast.files import atomic_path
from ingan_fast.runtime import cuda
from ingan_fast.runtime.engine_cache import EngineCache
from ingan_fast.runtime.sidecar import SUFFIX, EngineInfo, Sidecar, TensorInfo, checksum, read_sidecar
from ingan_fast.runtime.tensorrt_bindings import Bindings, BuildProgress, load_bindings


def build_engine(
    model: Path,
    flavor: str = "auto",
    profiles: Sequence[Profile] | None = None,
    workspace: int | None = None,
    compute_capabilities: Sequence[str] | None = None,
    uint8: bool = True,
    notice: Notice = lambda step: None,
    progress: BuildProgress = lambda phase, part: None,
) -> Path:
    """Build FOLDER/model.engine and its sidecar from FOLDER/model.onnx, and check it if there is a GPU.

    Args:
        model: a file written by `export`, with its sidecar.
        flavor: tensorrt, tensorrt-rtx, or auto: the first one installed.
        profiles: supported sizes; None: `default_profiles`.
        workspace: limit of GPU memory per layer, in bytes; None: no limit.
        compute_capabilities: GPUs to build for, such as sm_89 (TensorRT-RTX only). None: this machine's GPU, or
            without a GPU all that TensorRT-RTX supports.
        uint8: the engine has uint8 [N, H, W, 3] inputs and outputs instead of the graph's float32 [N, 3, H, W].
        notice: called with the name of each step.
        progress: called with the builder's phase and the fraction of the build done, in [0, 1].

    Raises:
        UserError: TensorRT is not installed, the model or its sidecar is missing or damaged, an argument is invalid,
            the builder fails, the disk is full, or the engine's output is wrong; nothing is written.
        KeyboardInterrupt: the build was cancelled; nothing is written.
    """
    sidecar = read_sidecar(model)
    if sidecar.kind != "onnx":
        raise UserError(f"{model} is not an ONNX file, which engines are built from; give the model.onnx of an export")
    bindings, gpu = load_bindings(flavor), cuda.device() if cuda.available() else None
    inputs, outputs = (
        [_as_bytes(tensor) if uint8 else tensor for tensor in side] for side in (sidecar.inputs, sidecar.outputs)
    )
    about = EngineInfo(
        bindings.flavor,
        bindings.version,
        _platforms(bindings, gpu, compute_capabilities, sidecar.precision),
        [{tensor.name: profile.shapes(tensor.shape) for tensor in inputs} for profile in _profiles(sidecar, profiles)],
    )
    order = Order(_read_graph(model, sidecar, uint8), about, workspace)
    path = model.with_suffix(".engine")
    with _staging(model.parent) as folder:
        staged, cache = folder / path.name, EngineCache()
        known = cache.fetch(order.key, staged)
        if known:
            notice(f"using the cached engine for {', '.join(about.platforms)}")
        else:
            notice(f"building an engine for {', '.join(about.platforms)} with {bindings}")
            staged.write_bytes(build(bindings, order, gpu, cache, notice, progress))
        described = replace(
            sidecar,
            file=path.name,
            sha256=checksum(staged),
            kind="engine",
            inputs=inputs,
            outputs=outputs,
            engine=about,
        )
        sidecar_file = described.write(folder)
        if uint8:
            _verify(staged, model.with_name(str(sidecar.source["file"])), notice)
        if not known:
            with optional(notice):
                cache.store(order.key, staged)
        with atomic_path(path) as temporary:
            os.replace(staged, temporary)
        os.replace(sidecar_file, path.with_name(path.name + SUFFIX))
    return path


def _as_bytes(tensor: TensorInfo) -> TensorInfo:
    if tensor.name not in ("image", "retargeted"):
        return tensor
    batch, channels, height, width = tensor.shape
    return TensorInfo(tensor.name, "uint8", [batch, height, width, channels], "RGB, 0 to 255")


def _profiles(sidecar: Sidecar, profiles: Sequence[Profile] | None) -> list[Profile]:
    """The profiles, extended to cover the golden outputs; empty for a graph without dynamic axes."""
    if sidecar.fixed:
        if profiles:
            raise UserError(
                f"profile {profiles[0]} is for graphs of any size, but this graph has one fixed size; leave it out"
            )
        return []
    source = sidecar.source_size
    chosen = [profile.with_source(source) for profile in profiles] if profiles else default_profiles(source)
    for golden in sidecar.golden:
        if not any(profile.covers(golden.size, source) for profile in chosen):
            chosen.append(Profile((golden.size,) * 3, (source,) * 3))
    return chosen


def _platforms(bindings: Bindings, gpu: cuda.Device | None, wanted: Sequence[str] | None, precision: str) -> list[str]:
    """What the engine is built for: the GPU's name, or compute capabilities."""
    if bindings.flavor == "tensorrt":
        if wanted:
            raise UserError("compute capabilities are for TensorRT-RTX; TensorRT builds for this machine's GPU")
        if gpu is None:
            raise UserError(
                f"{bindings} must build on the GPU that the engine is for, and there is none here; build there, or use "
                "the flavour tensorrt-rtx"
            )
        return [gpu.name]
    lacking = ["SM75"] if precision == "bf16" else []  # no bfloat16 support
    members = [name for name in bindings.trt.ComputeCapability.__members__ if name.startswith("SM")]
    known = [f"sm_{name[2:]}" for name in members if name not in lacking]
    for each in wanted or ():
        if each not in known:
            raise UserError(f"{bindings} can't build for {each!r} in {precision}; choose among {', '.join(known)}")
    if wanted:
        return list(dict.fromkeys(wanted))
    return [gpu.capability] if gpu and gpu.capability in known else known


def _read_graph(model: Path, sidecar: Sidecar, uint8: bool) -> bytes:
    try:
        import onnx

        graph = onnx.load(model)
        onnx.checker.check_model(graph)
    except ImportError as error:
        raise UserError("building an engine needs onnx; install it: pip install 'ingan-fast[export]'") from error
    except Exception as error:  # from protobuf, whose class depends on its version, or from the checker
        raise UserError(f"{model} is not an ONNX file, or damaged; export the run again") from error
    if uint8:
        graph = wrap_uint8(graph, unit=sidecar.fixed is not None)
    return bytes(graph.SerializeToString(deterministic=True))


def _verify(engine: Path, source: Path, notice: Notice) -> None:
    """Compare the engine with the sidecar's golden outputs, if this machine can run it.

    Raises:
        UserError: it can't be run, or its output is wrong.
    """
    from ingan_fast.runtime.backends.tensorrt import verify

    if source.is_file():
        shutil.copyfile(source, engine.with_name(source.name))
    try:
        error = verify(engine)
    except UserError as wrong:
        raise UserError(f"no engine was kept: {str(wrong).replace(str(engine), engine.name)}") from wrong
    if error is None:
        notice("the engine was not checked: there is no suitable GPU, or no picture to compare with")
    else:
        notice(f"the engine was checked: within {error:g} grey levels of the generator")


@contextlib.contextmanager
def _staging(folder: Path) -> Iterator[Path]:
    """A temporary folder on the same file system as the output, removed afterwards."""
    try:
        with TemporaryDirectory(prefix=".engine.", dir=folder) as name:
            yield Path(name)
    except OSError as error:
        raise UserError(f"can't write an engine in {folder}: {error.strerror or error}; nothing was changed") from error
