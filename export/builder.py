"""Building: a graph and what is asked of it, to the bytes of an engine. One way for TensorRT 10, 11 and RTX."""

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ingan_fast.errors import UserError
from ingan_fast.interrupts import interrupts
from ingan_fast.runtime.cuda import Device
from ingan_fast.runtime.engine_cache import EngineCache
from ingan_fast.runtime.sidecar import Engine
from ingan_fast.runtime.tensorrt_bindings import Bindings, Progress, make_monitor

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Order:
    """All that an engine is built from; the model's precision is in its graph."""

    graph: bytes  # ONNX
    engine: Engine
    workspace: int | None

    @property
    def key(self) -> str:
        """The same for orders that the same engine serves."""
        about = json.dumps([asdict(self.engine), self.workspace])
        return hashlib.sha256(self.graph + about.encode()).hexdigest()[:32]


def build(
    bindings: Bindings, order: Order, gpu: Device | None, cache: EngineCache, tell: Tell, progress: Progress
) -> bytes:
    """An engine's bytes.

    Raises:
        UserError: TensorRT refuses something; the message has all that it says.
        KeyboardInterrupt: the build was cancelled.
    """
    trt = bindings.trt
    with interrupts() as stop, bindings.collecting() as messages:
        try:
            builder = trt.Builder(bindings.logger)
        except Exception as error:  # the bindings' way of telling that there is no builder
            raise _failure(f"{bindings} does not start", [*messages, str(error)]) from error
        # By the enumeration: its values differ between versions.
        network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
        parser = trt.OnnxParser(network, bindings.logger)  # owns the weights of the network
        if not parser.parse(order.graph):
            errors = [parser.get_error(index).desc() for index in range(parser.num_errors)]
            raise _failure(f"{bindings} does not understand the graph", messages or errors)
        config = builder.create_builder_config()
        monitor = make_monitor(trt, stop, progress)
        config.progress_monitor = monitor
        if not _add_profiles(builder, config, order):
            raise _failure(f"{bindings} refuses the profiles", messages)
        if order.workspace is not None:
            config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, order.workspace)
        if bindings.flavor == "tensorrt-rtx":
            config.set_flag(trt.BuilderFlag.REQUIRE_USER_ALLOCATION)  # what CUDA graphs can record allocates nothing
            _set_compute_capabilities(trt, config, order.engine.platforms, gpu)
        with _timings(bindings, config, cache, gpu, tell):
            plan = builder.build_serialized_network(network, config)
        if stop.is_set():
            raise KeyboardInterrupt
        if plan is None:
            raise _failure(f"{bindings} can't build the engine", messages)
        return bytes(plan)


def _add_profiles(builder: Any, config: Any, order: Order) -> bool:
    """Whether all of them are possible."""
    for shapes in order.engine.profiles:
        profile = builder.create_optimization_profile()
        for name, (smallest, best, largest) in shapes.items():
            profile.set_shape(name, smallest, best, largest)
        if config.add_optimization_profile(profile) < 0:
            return False
    return True


def _set_compute_capabilities(trt: Any, config: Any, platforms: Sequence[str], gpu: Device | None) -> None:
    if gpu and platforms == [gpu.capability]:
        targets = [trt.ComputeCapability.CURRENT]
    else:
        targets = [trt.ComputeCapability.__members__[each.replace("sm_", "SM")] for each in platforms]
    config.num_compute_capabilities = len(targets)
    for index, target in enumerate(targets):
        config.set_compute_capability(target, index)


@contextlib.contextmanager
def _timings(bindings: Bindings, config: Any, cache: EngineCache, gpu: Device | None, tell: Tell) -> Iterator[None]:
    """Kernels that were timed before are not timed again; TensorRT-RTX times none while it builds."""
    if bindings.flavor == "tensorrt-rtx" or gpu is None:
        yield
        return
    name = f"tensorrt-{bindings.version}-{gpu.capability}"
    timings = config.create_timing_cache(cache.read_timings(name)) or config.create_timing_cache(b"")
    config.set_timing_cache(timings, False)
    yield
    measured = config.get_timing_cache()
    if measured is not None:
        with optional(tell):
            cache.write_timings(name, bytes(measured.serialize()))


def _failure(what: str, messages: Sequence[str]) -> UserError:
    return UserError(f"{what}: {' | '.join(messages) or 'it does not say why'}")


@contextlib.contextmanager
def optional(tell: Tell) -> Iterator[None]:
    """What is kept for the next time can't fail what was asked for now."""
    try:
        yield
    except UserError as error:
        tell(f"the next build will take as long as this one: {error}")
