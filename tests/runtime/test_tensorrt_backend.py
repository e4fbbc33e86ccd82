"""Engines of TensorRT in the runtime, with stand-ins for the GPU and for TensorRT (fake_cuda, fake_tensorrt)."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import fake_tensorrt
from fake_cuda import FakeCuda, install
from fake_tensorrt import FakeContext, warp, write_engine
from ingan_fast.errors import MachineError, UserError
from ingan_fast.geometry import Transform
from ingan_fast.pictures import Pixels
from ingan_fast.runtime.backends.tensorrt import PLANS, TensorRTBackend
from ingan_fast.runtime.backends.tensorrt_plan import ExecutionPlan
from tensorrt_frames import prepare, read, run, tilted


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("INGAN_FAST_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeCuda]:
    yield from install(monkeypatch, FakeCuda())


@pytest.fixture
def trt(monkeypatch: pytest.MonkeyPatch, gpu: FakeCuda) -> SimpleNamespace:
    return fake_tensorrt.install(monkeypatch, gpu)


@pytest.fixture
def backend(trt: SimpleNamespace, tmp_path: Path, picture: Pixels) -> Iterator[TensorRTBackend]:
    opened = TensorRTBackend(*write_engine(tmp_path, picture))
    yield opened
    opened.close()


class TestHostFrames:
    def test_are_laid_out_as_the_graph_says(self, backend: TensorRTBackend, picture: Pixels) -> None:
        for transform in (Transform.resize((70, 90)), tilted((50, 40))):
            assert np.array_equal(run(backend, picture, transform), warp(picture, transform))

    def test_come_out_the_same_plainly_and_as_a_graph(
        self, backend: TensorRTBackend, gpu: FakeCuda, picture: Pixels
    ) -> None:
        transform = tilted((50, 40))
        for frame in (picture, picture[::-1], picture[:, ::-1]):
            assert np.array_equal(run(backend, frame, transform), warp(np.ascontiguousarray(frame), transform))
        assert gpu.calls["cuGraphLaunch"] == 2

    def test_of_several_sizes_in_turn_are_not_mixed_up(self, backend: TensorRTBackend, picture: Pixels) -> None:
        for transform in [Transform.resize((70, 90)), tilted((50, 40)), Transform.resize((33, 21))] * 3:
            assert np.array_equal(run(backend, picture, transform), warp(picture, transform))

    def test_one_geometry_after_the_other_at_one_size(self, backend: TensorRTBackend, picture: Pixels) -> None:
        kept = prepare(backend, tilted((50, 40)))
        for shift in (0.2, 0.3, 0.2):
            transform = tilted((50, 40), shift)
            assert np.array_equal(run(backend, picture, transform), warp(picture, transform))
        out = np.zeros((40, 50, 3), np.uint8)
        backend.run(picture, kept, out)
        assert np.array_equal(out, warp(picture, tilted((50, 40))))

    def test_from_several_threads_take_turns(
        self, backend: TensorRTBackend, picture: Pixels, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        inside, most = [0], [0]
        fetch = ExecutionPlan.fetch

        def slow_fetch(plan: ExecutionPlan, out: Pixels) -> None:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            time.sleep(0.01)
            fetch(plan, out)
            inside[0] -= 1

        monkeypatch.setattr(ExecutionPlan, "fetch", slow_fetch)
        frames = [np.roll(picture, shift, axis=0) for shift in range(4)]
        transform = tilted((50, 40))
        with ThreadPoolExecutor(4) as pool:
            outs = list(pool.map(lambda frame: run(backend, frame, transform), frames))
        for frame, out in zip(frames, outs, strict=True):
            assert np.array_equal(out, warp(frame, transform))
        assert most == [1]

    def test_nothing_is_allocated_after_the_first_one_of_a_size(
        self, backend: TensorRTBackend, gpu: FakeCuda, picture: Pixels
    ) -> None:
        transforms = [Transform.resize((70, 90)), tilted((50, 40)), Transform.resize((33, 21))]
        prepared = [prepare(backend, each) for each in transforms]
        outs = [np.zeros((each.size[1], each.size[0], 3), np.uint8) for each in transforms]

        def frames() -> None:
            for each, out in zip(prepared, outs, strict=True):
                backend.run(picture, each, out)

        frames()
        # The largest came first: nothing had to be captured anew for want of memory.
        before, launches = gpu.allocations(), gpu.calls["cuGraphLaunch"]
        frames()
        frames()
        assert gpu.allocations() == before
        assert gpu.calls["cuGraphLaunch"] == launches + 6

    def test_wrong_output_arrays_are_refused(self, backend: TensorRTBackend, picture: Pixels) -> None:
        with pytest.raises(UserError, match=r"out is \[40, 51, 3\]; it must be \[40, 50, 3\]"):
            backend.run(picture, prepare(backend, tilted((50, 40))), np.zeros((40, 51, 3), np.uint8))


class TestDeviceFrames:
    def test_are_laid_out_without_the_host(self, backend: TensorRTBackend, gpu: FakeCuda, picture: Pixels) -> None:
        transform = tilted((50, 40))
        prepared = prepare(backend, transform)
        frame = gpu.array(picture)
        backend.run_on_device(frame, prepared, transform.size)
        before = Counts(gpu)
        image = backend.run_on_device(frame, prepared, transform.size)
        assert before.waits() == before.host_copies() == 0
        assert before.device_copies() == 2  # the frame in, the output out
        assert np.array_equal(read(gpu, image), warp(picture, transform))

    @pytest.mark.parametrize("own_stream", [False, True])
    def test_are_waited_for_on_the_gpu(
        self, backend: TensorRTBackend, gpu: FakeCuda, picture: Pixels, own_stream: bool
    ) -> None:
        transform = tilted((50, 40))
        stream = gpu.stream() if own_stream else None
        frame = gpu.array(picture, stream or 1)
        out = gpu.array(np.zeros((40, 50, 3), np.uint8), stream or 1)
        assert backend.run_on_device(frame, prepare(backend, transform), transform.size, out, stream) is out
        seen: list[Any] = []
        gpu.enqueue(stream or 1, lambda: seen.append(out.numpy().copy()))
        gpu.finish()
        assert np.array_equal(seen[0], warp(picture, transform))
        assert frame.asked_for == out.asked_for == [stream or 1]

    def test_can_be_overwritten_on_their_stream_at_once(
        self, backend: TensorRTBackend, gpu: FakeCuda, picture: Pixels
    ) -> None:
        transform = tilted((50, 40))
        frame = gpu.array(picture)
        image = backend.run_on_device(frame, prepare(backend, transform), transform.size)
        gpu.enqueue(1, lambda: frame.numpy().fill(0))
        assert np.array_equal(read(gpu, image), warp(picture, transform))

    def test_one_after_the_other_need_no_more_memory(
        self, backend: TensorRTBackend, gpu: FakeCuda, picture: Pixels
    ) -> None:
        frame = gpu.array(picture)

        def frames() -> None:
            for shift in (0.1, 0.2, 0.3):
                transform = tilted((50, 40), shift)
                image = backend.run_on_device(frame, prepare(backend, transform), transform.size)
                assert np.array_equal(read(gpu, image), warp(picture, transform))
                gpu.finish()

        frames()
        before = gpu.allocations()
        frames()
        assert gpu.allocations() == before

    def test_of_which_several_are_under_way_are_not_mixed_up(
        self, backend: TensorRTBackend, gpu: FakeCuda, picture: Pixels
    ) -> None:
        frame = gpu.array(picture)
        transforms = [tilted((50, 40), shift / 10) for shift in range(1, 7)]
        images = [backend.run_on_device(frame, prepare(backend, each), each.size) for each in transforms]
        for transform, image in zip(transforms, images, strict=True):
            assert np.array_equal(read(gpu, image), warp(picture, transform))

    def test_are_seen_by_dlpack_and_by_the_array_interface(
        self, backend: TensorRTBackend, gpu: FakeCuda, picture: Pixels
    ) -> None:
        transform = tilted((50, 40))
        prepared = prepare(backend, transform)
        frame = gpu.array(picture, gpu.stream())
        out = gpu.array(np.zeros((40, 50, 3), np.uint8))
        backend.run_on_device(frame.interface, prepared, transform.size, out.interface)
        gpu.finish()
        assert np.array_equal(out.numpy(), warp(picture, transform))
        image = backend.run_on_device(frame, prepared, transform.size)
        again = backend.run_on_device(image, prepare(backend, Transform.resize((30, 30))), (30, 30))
        assert np.array_equal(read(gpu, again), warp(warp(picture, transform), Transform.resize((30, 30))))

    def test_can_be_mixed_with_host_arrays(self, backend: TensorRTBackend, gpu: FakeCuda, picture: Pixels) -> None:
        transform = tilted((50, 40))
        prepared = prepare(backend, transform)
        out = np.zeros((40, 50, 3), np.uint8)
        assert backend.run_on_device(gpu.array(picture), prepared, transform.size, out) is out
        assert np.array_equal(out, warp(picture, transform))


class Counts:
    """What was called since."""

    def __init__(self, gpu: FakeCuda):
        self.gpu, self.before, self.waited = gpu, gpu.calls.copy(), gpu.waits()

    def waits(self) -> int:
        return self.gpu.waits() - self.waited

    def host_copies(self) -> int:
        return self._since("cuMemcpyHtoDAsync_v2") + self._since("cuMemcpyDtoHAsync_v2")

    def device_copies(self) -> int:
        return self._since("cuMemcpyDtoDAsync_v2")

    def _since(self, name: str) -> int:
        return self.gpu.calls[name] - self.before[name]


class TestPlans:
    def test_the_narrowest_profile_that_holds_a_size_is_taken(
        self, backend: TensorRTBackend, picture: Pixels, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        chosen: list[int] = []
        select = FakeContext.set_optimization_profile_async

        def spy(context: FakeContext, index: int, stream: int) -> bool:
            chosen.append(index)
            return select(context, index, stream)

        monkeypatch.setattr(FakeContext, "set_optimization_profile_async", spy)
        for size in ((50, 40), (61, 45), (40, 30), (39, 30)):
            run(backend, picture, Transform.resize(size))
        assert chosen == [1, 0, 1, 0]

    def test_sizes_outside_every_profile_are_refused_with_their_ranges(
        self, backend: TensorRTBackend, picture: Pixels
    ) -> None:
        with pytest.raises(UserError) as refused:
            run(backend, picture, Transform.resize((200, 100)))
        text = str(refused.value)
        assert text.startswith("frame 64x56 and output 200x100 is not supported")
        assert "frames of 16x16 to 128x128 and outputs of 16x16 to 128x128; or" in text
        assert "outputs of 40x30 to 60x45" in text
        assert np.array_equal(
            run(backend, picture, Transform.resize((50, 40))), warp(picture, Transform.resize((50, 40)))
        )

    def test_those_that_were_not_used_for_longest_make_room(
        self, backend: TensorRTBackend, gpu: FakeCuda, picture: Pixels
    ) -> None:
        sizes = [(100 - index, 90) for index in range(PLANS)]
        for size in sizes:
            run(backend, picture, Transform.resize(size))
        free = gpu.free
        run(backend, picture, Transform.resize(sizes[0]))
        assert gpu.calls["cuGraphLaunch"] == 1
        run(backend, picture, Transform.resize((16, 16)))  # in place of the second
        assert gpu.free > free
        run(backend, picture, Transform.resize(sizes[0]))
        assert gpu.calls["cuGraphLaunch"] == 2
        assert np.array_equal(
            run(backend, picture, Transform.resize(sizes[1])), warp(picture, Transform.resize(sizes[1]))
        )
        assert gpu.calls["cuGraphLaunch"] == 2

    def test_a_larger_one_takes_more_memory_and_the_others_work_in_that(
        self, backend: TensorRTBackend, picture: Pixels
    ) -> None:
        small, large = Transform.resize((33, 21)), Transform.resize((120, 100))
        for transform in (small, small, large, small, small, large):
            assert np.array_equal(run(backend, picture, transform), warp(picture, transform))

    def test_no_memory_for_a_larger_one_leaves_the_others_usable(
        self, backend: TensorRTBackend, gpu: FakeCuda, picture: Pixels
    ) -> None:
        small = Transform.resize((33, 21))
        run(backend, picture, small)
        prepared = prepare(backend, Transform.resize((120, 100)))
        out = np.zeros((100, 120, 3), np.uint8)
        gpu.free, kept = 250_000, gpu.free
        with pytest.raises(MachineError, match="the GPU's memory is full"):
            backend.run(picture, prepared, out)
        gpu.free += kept - 250_000
        assert np.array_equal(run(backend, picture, small), warp(picture, small))

    def test_one_that_cannot_be_captured_runs_plainly(
        self, backend: TensorRTBackend, gpu: FakeCuda, picture: Pixels, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        execute = FakeContext.execute_async_v3

        def refuse_capture(context: FakeContext, stream: int) -> bool:
            return context.gpu.streams[stream].captured is None and execute(context, stream)

        monkeypatch.setattr(FakeContext, "execute_async_v3", refuse_capture)
        transform = tilted((50, 40))
        for _ in range(3):
            assert np.array_equal(run(backend, picture, transform), warp(picture, transform))
        assert gpu.calls["cuStreamBeginCapture_v2"] == 1
        assert gpu.calls["cuGraphLaunch"] == 0

    def test_failures_say_what_tensorrt_said(
        self, backend: TensorRTBackend, picture: Pixels, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(FakeContext, "execute_async_v3", lambda self, stream: self._refuse("Cask\nfailure"))
        with pytest.raises(UserError, match=r"TensorRT 10.13.3.9 can't run model.engine, .*\| Cask failure"):
            run(backend, picture, tilted((50, 40)))
