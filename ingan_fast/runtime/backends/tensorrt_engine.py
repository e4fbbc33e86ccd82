"""A TensorRT engine file: checks that it can run here, loads it, provides its profiles and contexts."""

import contextlib
import math
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingan_fast.errors import UserError
from ingan_fast.files import atomic_write
from ingan_fast.runtime import cuda
from ingan_fast.runtime.backends import first_line
from ingan_fast.runtime.engine_cache import EngineCache
from ingan_fast.runtime.sidecar import Sidecar
from ingan_fast.runtime.tensorrt_bindings import load_bindings

Shape = tuple[int, ...]
Shapes = dict[str, Shape]

# Names used of the modules; a test looks for them in each version's bindings.
USED_NAMES = (
    "ExecutionContextAllocationStrategy.USER_MANAGED",
    "Runtime.deserialize_cuda_engine",
    "ICudaEngine.create_execution_context",
    "ICudaEngine.get_device_memory_size_for_profile_v2",
    "IExecutionContext.set_optimization_profile_async",
    "IExecutionContext.set_input_shape",
    "IExecutionContext.get_tensor_shape",
    "IExecutionContext.update_device_memory_size_for_shapes",
    "IExecutionContext.set_device_memory",
    "IExecutionContext.set_tensor_address",
    "IExecutionContext.execute_async_v3",
)
USED_NAMES_RTX = (
    *USED_NAMES,
    "DynamicShapesKernelSpecializationStrategy.EAGER",
    "ICudaEngine.create_runtime_config",
    "IRuntimeConfig.set_execution_context_allocation_strategy",
    "IRuntimeConfig.dynamic_shapes_kernel_specialization_strategy",
    "IRuntimeConfig.create_runtime_cache",
    "IRuntimeConfig.set_runtime_cache",
    "IRuntimeCache.deserialize",
    "IRuntimeCache.serialize",
    "IExecutionContext.is_stream_capturable",
)


@dataclass(frozen=True)
class ShapeRange:
    """Range of shapes that an engine supports."""

    index: int
    least: Shapes
    most: Shapes

    def holds(self, shapes: Shapes) -> bool:
        return all(
            len(least) == len(shape) and all(a <= n <= b for a, n, b in zip(least, shape, self.most[name], strict=True))
            for name, shape in shapes.items()
            for least in [self.least[name]]
        )

    @property
    def width(self) -> float:
        """The product of its axes' ratios of largest to smallest length."""
        return math.prod(b / a for name in self.least for a, b in zip(self.least[name], self.most[name], strict=True))

    @property
    def most_pixels(self) -> int:
        """Pixels of the largest output; of the largest frame if there is no grid."""
        largest = self.most.get("grid") or self.most["image"]
        return largest[-2] * largest[-3]

    def __str__(self) -> str:
        least, most = _sizes(self.least), _sizes(self.most)
        return " and ".join(
            f"{what}s of {least[what]}" + (f" to {most[what]}" if most[what] != least[what] else "") for what in least
        )


def _sizes(shapes: Shapes) -> dict[str, str]:
    """Sizes of the frame [N, H, W, 3] and of the output, from its grid [N, Ho, Wo, 2], as text for the user."""
    pictures = {"frame": shapes.get("image"), "output": shapes.get("grid")}
    return {what: f"{shape[-2]}x{shape[-3]}" for what, shape in pictures.items() if shape}


class EngineError(UserError):
    """TensorRT refused to run."""


class TensorRTEngine:
    """A loaded engine file. `str()` gives TensorRT's name and version.

    Raises:
        UserError: it can't run here: TensorRT missing or of another version, another GPU, a damaged file.
    """

    def __init__(self, path: Path, sidecar: Sidecar, device: cuda.Device):
        about = sidecar.engine
        if about is None:
            raise UserError(f"{path} is not a TensorRT engine (by its sidecar); build it: ingan-fast export RUN --trt")
        try:
            self._bindings = load_bindings(about.flavor)
        except UserError as error:
            raise UserError(f"{path} needs {about.flavor} {about.version}: {error}") from error
        if self._bindings.version != about.version:
            raise UserError(
                f"{path} was built by {about.flavor} {about.version}, but {self._bindings.version} is installed; build "
                f"it again (ingan-fast export RUN --trt), or pip install {about.flavor}=={about.version}"
            )
        if not runs_on(sidecar, device):
            raise UserError(
                f"{path} was built for {', '.join(about.platforms)}, but this GPU is {device.name} "
                f"({device.capability}); build it again on this machine: ingan-fast export RUN --trt"
            )
        self._path, self._device = path, device
        self._profiles = _profiles(sidecar)
        self._runtime, self._engine = self._load()
        self._config: Any = None
        if about.flavor == "tensorrt-rtx":
            self._config = self._compile_here(EngineCache().folder / f"{sidecar.sha256}-{device.capability}.kernels")

    def __str__(self) -> str:
        return str(self._bindings)

    def _load(self) -> tuple[Any, Any]:
        engine, reason = None, ""
        with self._bindings.collecting() as messages, self._device.current():
            try:
                runtime = self._bindings.trt.Runtime(self._bindings.logger)
                engine = runtime.deserialize_cuda_engine(self._path.read_bytes())
            except Exception as error:  # pybind11 raises arbitrary exceptions
                reason = first_line(error)
        if engine is None:
            raise UserError(
                f"{self._bindings} can't load {self._path}: {' | '.join(messages) or reason or 'no reason given'}; "
                "build it again: ingan-fast export RUN --trt"
            )
        return runtime, engine

    def fits(self, shapes: Shapes) -> bool:
        """Whether the engine supports these input shapes."""
        return any(profile.holds(shapes) for profile in self._profiles)

    def choose(self, shapes: Shapes) -> int:
        """The index of the narrowest profile that contains these shapes.

        Raises:
            UserError: no profile does.
        """
        fitting = [profile for profile in self._profiles if profile.holds(shapes)]
        if not fitting:
            asked = " and ".join(f"{what} {size}" for what, size in _sizes(shapes).items())
            raise UserError(
                f"{asked} is not supported: this engine was built for {self.limits()}; choose another size, or build "
                "the engine with a profile for this one"
            )
        return min(fitting, key=lambda profile: profile.width).index

    def limits(self) -> str:
        """The sizes of its profiles, as text for the user."""
        return "; or ".join(map(str, self._profiles))

    def bytes_per_pixel(self) -> int:
        """Workspace memory per output pixel, at the largest sizes."""
        return max(
            math.ceil(self._engine.get_device_memory_size_for_profile_v2(profile.index) / profile.most_pixels)
            for profile in self._profiles
        )

    def context(self, profile: int, stream: int) -> Any:
        """A new execution context; the caller must provide its memory (`set_device_memory`)."""
        user_managed = self._bindings.trt.ExecutionContextAllocationStrategy.USER_MANAGED
        context = self._engine.create_execution_context(self._config or user_managed)
        self.expect(context is not None, "it creates no execution context")
        self.expect(context.set_optimization_profile_async(profile, stream), f"it rejects profile {profile}")
        return context

    @contextlib.contextmanager
    def with_messages(self) -> Iterator[None]:
        """Append TensorRT's messages to an `EngineError` raised inside."""
        with self._bindings.collecting() as messages:
            try:
                yield
            except EngineError as error:
                raise EngineError(" | ".join([str(error), *messages])) from error

    def expect(self, succeeded: bool, otherwise: str) -> None:
        """Raise an `EngineError` if a call failed."""
        if not succeeded:
            raise EngineError(f"{self._bindings} can't run {self._path.name}, {otherwise}")

    def close(self) -> None:
        if self._config is not None:
            self._save_compiled()
        self._config = self._engine = self._runtime = None

    def _compile_here(self, path: Path) -> Any:
        """Set up TensorRT-RTX, which compiles kernels at run time: once per size, before its first run (a CUDA graph
        would otherwise capture fallback kernels), with a cache for later processes."""
        config = self._engine.create_runtime_config()
        config.set_execution_context_allocation_strategy(
            self._bindings.trt.ExecutionContextAllocationStrategy.USER_MANAGED
        )
        config.dynamic_shapes_kernel_specialization_strategy = (
            self._bindings.trt.DynamicShapesKernelSpecializationStrategy.EAGER
        )
        cache = config.create_runtime_cache()
        known = b""
        with contextlib.suppress(OSError), self._device.current():
            known = path.read_bytes()
            cache.deserialize(known)  # rejects a cache of another machine
        config.set_runtime_cache(cache)
        self._save_compiled = weakref.finalize(self, _save, cache, path, known, self._device)
        return config


def _save(cache: Any, path: Path, known: bytes, device: cuda.Device) -> None:
    """Keep compiled kernels for later processes; write errors are ignored."""
    with contextlib.suppress(UserError), device.current():
        compiled = bytes(cache.serialize())
        if compiled != known:
            atomic_write(path, compiled)


def _profiles(sidecar: Sidecar) -> list[ShapeRange]:
    """The engine's profiles; for an engine with one geometry, a single one of fixed shapes."""
    if sidecar.fixed or sidecar.engine is None:
        shapes = {tensor.name: tuple(int(side) for side in tensor.shape) for tensor in sidecar.inputs}
        return [ShapeRange(0, shapes, shapes)]
    return [
        ShapeRange(
            index,
            {name: tuple(shapes[0]) for name, shapes in profile.items()},
            {name: tuple(shapes[-1]) for name, shapes in profile.items()},
        )
        for index, profile in enumerate(sidecar.engine.profiles)
    ]


def runs_on(sidecar: Sidecar, device: cuda.Device) -> bool:
    """Whether the engine was built for this GPU."""
    return sidecar.engine is not None and bool({device.capability, device.name} & set(sidecar.engine.platforms))
