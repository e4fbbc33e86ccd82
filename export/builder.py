"""Builds TensorRT engines with TensorRT 10, 11 or RTX."""

import contextlib
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ingan_fast.callbacks import Notice
from ingan_fast.errors import UserError
from ingan_fast.interrupts import interrupts
from ingan_fast.runtime.cuda import Device
from ingan_fast.runtime.engine_cache import EngineCache
from ingan_fast.runtime.sidecar import EngineInfo
from ingan_fast.runtime.tensorrt_bindings import Bindings, BuildProgress, make_monitor


@dataclass(frozen=True)
class Order:
    """Everything an engine is built from; the precision is part of the graph."""

    graph: bytes  # serialised ONNX
    engine: EngineInfo
    workspace: int | None

    @property
    def key(self) -> str:
        """Cache key: equal for orders that the same engine serves."""
        about = json.dumps([asdict(self.engine), self.workspace])
        return hashlib.sha256(self.graph + about.encode()).hexdigest()[:32]


def build(
    bindings: Bindings, order: Order, gpu: Device | None, cache: EngineCache, notice: Notice, progress: BuildProgress
) -> bytes:
    """Build an engine; returns its bytes.

    Raises:
        UserError: TensorRT fails; the text has all its messages.
        KeyboardInterrupt: the build was cancelled.
    """
    trt = bindings.trt
    with interrupts() as stop, bindings.collecting() as messages:
        try:
            builder = trt.Builder(bindings.logger)
        except Exception as error:  # raised by the bindings if there is no builder
            raise _failure(f"{bindings} does not start", [*messages, str(error)]) from error
        # By name: the enumeration's values differ between versions.
        network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
        parser = trt.OnnxParser(network, bindings.logger)  # must outlive the network, whose weights it owns
        if not parser.parse(order.graph):
            errors = [parser.get_error(index).desc() for index in range(parser.num_errors)]
            raise _failure(f"{bindings} can't parse the graph", messages or errors)
        config = builder.create_builder_config()
        monitor = make_monitor(trt, stop, progress)
        config.progress_monitor = monitor
        if not _add_profiles(builder, config, order):
            raise _failure(f"{bindings} rejects the profiles", messages)
        if order.workspace is not None:
            config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, order.workspace)
        if bindings.flavor == "tensorrt-rtx":
            config.set_flag(trt.BuilderFlag.REQUIRE_USER_ALLOCATION)  # CUDA graphs can't capture allocations
            _set_compute_capabilities(trt, config, order.engine.platforms, gpu)
        with _timings(bindings, config, cache, gpu, notice):
            plan = builder.build_serialized_network(network, config)
        if stop.is_set():
            raise KeyboardInterrupt
        if plan is None:
            raise _failure(f"{bindings} can't build the engine", messages)
        return bytes(plan)


def _add_profiles(builder: Any, config: Any, order: Order) -> bool:
    """Add the profiles; returns whether all are valid."""
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
def _timings(bindings: Bindings, config: Any, cache: EngineCache, gpu: Device | None, notice: Notice) -> Iterator[None]:
    """Use and update the cache of kernel timings; TensorRT-RTX times no kernels during the build."""
    if bindings.flavor == "tensorrt-rtx" or gpu is None:
        yield
        return
    name = f"tensorrt-{bindings.version}-{gpu.capability}"
    timings = config.create_timing_cache(cache.read_timings(name)) or config.create_timing_cache(b"")
    config.set_timing_cache(timings, False)
    yield
    measured = config.get_timing_cache()
    if measured is not None:
        with optional(notice):
            cache.write_timings(name, bytes(measured.serialize()))


def _failure(what: str, messages: Sequence[str]) -> UserError:
    return UserError(f"{what}: {' | '.join(messages) or 'no reason given'}")


@contextlib.contextmanager
def optional(notice: Notice) -> Iterator[None]:
    """Report errors of caching through `notice`, instead of failing the build."""
    try:
        yield
    except UserError as error:
        notice(f"the result was not cached, so the next build will take as long: {error}")
