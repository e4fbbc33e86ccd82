"""What is used of CUDA, with a stand-in for the driver; names, types and values against NVIDIA's own header."""

import ctypes
import gc
import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from fake_cuda import FakeCuda, install
from ingan_fast.errors import MachineError
from ingan_fast.runtime import cuda, cuda_driver
from ingan_fast.runtime.pool import Pool

# Bytes of C's types in signatures; all else that is used are handles and pointers.
SIZES = {"int": 4, "unsigned int": 4, "size_t": 8, "CUdevice": 4, "CUdeviceptr": 8, "unsigned long long": 8}
ENUMERATIONS = ("CUresult", "CUdevice_attribute", "CUpointer_attribute", "CUstreamCaptureMode")
VALUES = {
    "CUDA_ERROR_OUT_OF_MEMORY": cuda_driver.OUT_OF_MEMORY,
    "CUDA_ERROR_NOT_READY": cuda.NOT_READY,
    "CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR": cuda.MAJOR,
    "CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR": cuda.MINOR,
    "CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL": cuda.DEVICE_ORDINAL,
    "CU_STREAM_NON_BLOCKING": cuda.NON_BLOCKING,
    "CU_EVENT_DISABLE_TIMING": cuda.DISABLE_TIMING,
    "CU_STREAM_CAPTURE_MODE_RELAXED": cuda.CAPTURE_RELAXED,
}


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeCuda]:
    yield from install(monkeypatch, FakeCuda())


@pytest.fixture(scope="module")
def header() -> str:
    """NVIDIA's cuda.h, as Triton brings it along."""
    found = importlib.util.find_spec("triton")
    if found is None or found.origin is None:
        pytest.skip("Triton isn't installed, which has cuda.h")
    return (Path(found.origin).parent / "backends/nvidia/include/cuda.h").read_text()


class TestAgainstTheHeader:
    @pytest.mark.parametrize("name", cuda_driver.SIGNATURES)
    def test_functions_are_called_as_they_are_declared(self, header: str, name: str) -> None:
        newer = re.search(rf"^#define (\w+)\s+(?:__CUDA_API_PT(?:DS|SZ)\()?{name}\b", header, re.M)
        plain = newer[1] if newer else name  # the header declares the newest variant by the plain name
        declared = re.search(rf"^CUresult CUDAAPI {plain}\(([^)]*)\);", header, re.M)
        assert declared, f"{name} is not in cuda.h"
        sizes = [_size(each) for each in declared[1].split(",")]
        assert [ctypes.sizeof(each) for each in cuda_driver.SIGNATURES[name]] == sizes

    @pytest.mark.parametrize("name", VALUES)
    def test_values_are_those_of_the_header(self, header: str, name: str) -> None:
        found = re.search(rf"\b{name}\s*=\s*(0x[0-9a-f]+|\d+)", header)
        assert found
        assert int(found[1], 0) == VALUES[name]

    def test_the_legacy_stream_is_that_of_the_header(self, header: str) -> None:
        assert re.search(rf"#define CU_STREAM_LEGACY\s+\(\(CUstream\)0x{cuda.LEGACY_STREAM}\)", header)


def _size(declaration: str) -> int:
    kind = " ".join(declaration.replace("*", " * ").split()[:-1]).removeprefix("const ")
    return 8 if "*" in kind else 4 if kind in ENUMERATIONS else SIZES.get(kind, 8)


class TestDevice:
    def test_tells_its_name_and_what_it_can_do(self, gpu: FakeCuda) -> None:
        assert (cuda.device().name, cuda.device().capability) == ("NVIDIA Fake 4090", "sm_89")
        assert cuda.available()

    def test_is_current_only_where_it_is_asked_to_be(self, gpu: FakeCuda) -> None:
        with cuda.device().current():
            with cuda.device().current():
                pass
            assert gpu._stack()
        assert not gpu._stack()

    def test_is_not_there_without_a_driver(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(cuda_driver, "LIBRARY", "libnothing.so.1")
        monkeypatch.setattr(cuda_driver, "driver", cuda_driver.driver.__wrapped__)
        assert not cuda.available()
        with pytest.raises(
            MachineError, match=r"there is no GPU that can be used: libnothing.*; install NVIDIA's driver"
        ):
            cuda.Device(0)

    def test_of_a_number_that_there_is_none_of_is_refused(self, gpu: FakeCuda) -> None:
        with pytest.raises(MachineError, match="there is no GPU 3"):
            cuda.device(3)


class TestMemory:
    def test_travels_to_the_device_and_back(self, gpu: FakeCuda) -> None:
        device, stream = cuda.device(), cuda.Stream(cuda.device())
        first, last = cuda.HostMemory(device, 1000), cuda.HostMemory(device, 1000)
        one, other = cuda.Memory(device, 1000), cuda.Memory(device, 1000)
        first.array[:] = np.arange(1000) % 251
        with device.current():
            stream.upload(one.handle, first)
            stream.copy(other.handle, one.handle, 1000)
            stream.download(last, other.handle)
            assert not np.array_equal(last.array, first.array)
            stream.synchronize()
        assert np.array_equal(last.array, first.array)

    def test_is_given_back_when_it_is_dropped_or_closed(self, gpu: FakeCuda) -> None:
        free = gpu.free
        memory, host = cuda.Memory(cuda.device(), 1000), cuda.HostMemory(cuda.device(), 500)
        assert gpu.free == free - 1500
        memory.close()
        memory.close()
        del memory, host
        gc.collect()
        assert gpu.free == free

    def test_that_is_full_is_told_in_one_line(self, gpu: FakeCuda) -> None:
        with pytest.raises(MachineError, match=r"the GPU's memory is full .*; make smaller outputs") as refused:
            cuda.Memory(cuda.device(), 1 << 40)
        assert "\n" not in str(refused.value)

    def test_errors_carry_what_the_driver_says(self, gpu: FakeCuda) -> None:
        device = cuda.device()
        with (
            pytest.raises(MachineError, match=r"CUDA failed: something is wrong \(cuMemcpyDtoDAsync_v2, error 1\)"),
            device.current(),
        ):
            cuda.Stream(device).copy(0x10, 0x20, 5)
        gpu.errors.clear()


class TestStreams:
    def test_wait_for_each_other_where_they_are_told_to(self, gpu: FakeCuda) -> None:
        device, stream, other = cuda.device(), cuda.Stream(cuda.device()), gpu.stream()
        seen: list[str] = []
        with device.current():
            gpu.enqueue(other, lambda: seen.append("theirs"))
            stream.wait_for(other)
            gpu.enqueue(stream.handle, lambda: seen.append("ours"))
            stream.let_wait(other)
            gpu.enqueue(other, lambda: seen.append("theirs, later"))
        gpu.streams[other].run(gpu.streams[other].issued)
        assert seen == ["theirs", "ours", "theirs, later"]

    def test_of_others_can_be_tied_together(self, gpu: FakeCuda) -> None:
        first, then = gpu.stream(), gpu.stream()
        seen: list[str] = []
        gpu.enqueue(first, lambda: seen.append("first"))
        cuda.let_wait(cuda.device(), first, then)
        gpu.enqueue(then, lambda: seen.append("then"))
        gpu.streams[then].run(gpu.streams[then].issued)
        assert seen == ["first", "then"]

    def test_events_tell_whether_work_is_done(self, gpu: FakeCuda) -> None:
        device, stream, event = cuda.device(), cuda.Stream(cuda.device()), cuda.Event(cuda.device())
        with device.current():
            assert event.done()
            gpu.enqueue(stream.handle, lambda: None)
            event.record(stream.handle)
            assert not event.done()
            stream.synchronize()
            assert event.done()


class TestGraphs:
    def test_do_again_what_was_captured(self, gpu: FakeCuda) -> None:
        device, stream = cuda.device(), cuda.Stream(cuda.device())
        done: list[int] = []

        def work() -> bool:
            gpu.enqueue(stream.handle, lambda: done.append(1))
            return True

        with device.current():
            graph = stream.capture(work)
            stream.synchronize()
            assert graph is not None
            assert not done
            stream.launch(graph)
            stream.launch(graph)
            stream.synchronize()
        assert done == [1, 1]
        del graph
        gc.collect()
        assert not gpu.graphs

    def test_of_what_can_not_be_captured_are_none(self, gpu: FakeCuda) -> None:
        device, stream = cuda.device(), cuda.Stream(cuda.device())

        def fail() -> bool:
            raise KeyError("what")

        with device.current():
            assert stream.capture(lambda: False) is None
            with pytest.raises(KeyError, match="what"):
                stream.capture(fail)
            stream.synchronize()
        assert not gpu.graphs


class TestPool:
    def test_gives_what_was_given_back_to_the_next_of_its_size(self) -> None:
        pool: Pool[int, list[int]] = Pool(lambda size: [size], lambda spare: True, keep=8)
        one = pool.take(1)
        pool.give(1, one)
        assert pool.take(2) is not one
        assert pool.take(1) is one
        assert pool.take(1) is not one

    def test_waits_for_what_is_not_ready(self) -> None:
        ready: list[list[int]] = []
        pool: Pool[int, list[int]] = Pool(lambda size: [size], lambda spare: spare in ready, keep=8)
        one = pool.take(1)
        pool.give(1, one)
        other = pool.take(1)
        assert other is not one
        ready.append(one)
        assert pool.take(1) is one

    def test_keeps_no_more_than_it_should(self) -> None:
        made: list[int] = []
        pool: Pool[int, list[int]] = Pool(lambda size: made.append(size) or [size], lambda spare: True, keep=2)
        for size in range(5):
            pool.give(size, [size])
        pool.take(9)
        assert made == [9]
        for size in (4, 0):
            pool.take(size)
        assert made == [9, 0]

    def test_keeps_nothing_once_it_is_closed(self) -> None:
        pool: Pool[int, list[int]] = Pool(lambda size: [size], lambda spare: True, keep=2)
        one = pool.take(1)
        pool.close()
        pool.give(1, one)
        assert pool.take(1) is not one


@pytest.mark.gpu
def test_a_real_device_copies_and_waits() -> None:
    device = cuda.device()
    stream, other = cuda.Stream(device), cuda.Stream(device)
    first, last, memory = (
        cuda.HostMemory(device, 1 << 20),
        cuda.HostMemory(device, 1 << 20),
        cuda.Memory(device, 1 << 20),
    )
    first.array[:] = np.arange(1 << 20) % 251
    with device.current():
        stream.upload(memory.handle, first)
        other.wait_for(stream.handle)
        copied = cuda.Memory(device, 1 << 20)
        other.copy(copied.handle, memory.handle, 1 << 20)

        def download() -> bool:
            other.download(last, copied.handle)
            return True

        graph = other.capture(download)
        assert graph is not None
        other.launch(graph)
        other.synchronize()
        assert device.of_pointer(memory.handle) == device.index
    assert np.array_equal(last.array, first.array)
