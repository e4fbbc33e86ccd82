"""Pictures of other libraries on the GPU, in and out; capsules against NumPy and torch on the CPU."""

import ctypes
import gc
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from fake_cuda import FakeCuda, install
from ingan_fast.errors import UserError
from ingan_fast.pictures import Pixels
from ingan_fast.runtime import cuda, dlpack
from ingan_fast.runtime.device_arrays import DeviceImage, ImagePool, device_view, stream_handle
from ingan_fast.runtime.dlpack import NAME, from_capsule, to_capsule

CPU = (1, 0)


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeCuda]:
    yield from install(monkeypatch, FakeCuda())


class Lender:
    """An array on the CPU that is lent by our capsules."""

    def __init__(self, pixels: Pixels):
        self.pixels = pixels

    def __dlpack_device__(self) -> tuple[int, int]:
        return CPU

    def __dlpack__(self, **options: Any) -> Any:
        return to_capsule(self.pixels.ctypes.data, self.pixels.shape, CPU, self)


class TestCapsules:
    @pytest.mark.parametrize("take", [np.from_dlpack, torch.from_dlpack])
    def test_lend_memory_to_other_libraries(self, picture: Pixels, take: Any) -> None:
        pixels = picture.copy()
        taken = take(Lender(pixels))
        gc.collect()
        assert np.array_equal(np.asarray(taken), pixels)
        pixels[3, 4] = (1, 2, 3)
        assert np.asarray(taken)[3, 4].tolist() == [1, 2, 3]

    @pytest.mark.parametrize("take", [np.from_dlpack, torch.from_dlpack])
    def test_keep_what_they_lend_until_it_is_given_back(self, picture: Pixels, take: Any) -> None:
        before = len(dlpack._lent)
        taken = take(Lender(picture.copy()))
        assert len(dlpack._lent) == before + 1
        del taken
        gc.collect()
        assert len(dlpack._lent) == before

    @pytest.mark.parametrize("library", [np.asarray, torch.from_numpy])
    @pytest.mark.parametrize("options", [{}, {"max_version": (1, 0)}])
    def test_of_other_libraries_are_read(self, picture: Pixels, library: Any, options: Any) -> None:
        array = library(picture.copy())
        tensor, _, owner = from_capsule(array.__dlpack__(**options))
        assert tensor.shape[: tensor.ndim] == list(picture.shape)
        assert (tensor.code, tensor.bits, tensor.lanes) == (1, 8, 1)
        address = tensor.data + tensor.byte_offset
        del array
        gc.collect()
        assert np.array_equal(ctypes_array(address, picture.shape), picture)
        del owner

    def test_give_memory_back_once_they_are_dropped(self, picture: Pixels) -> None:
        lender = Lender(picture.copy())
        capsule = lender.__dlpack__()
        tensor, _, owner = from_capsule(capsule)
        del lender, tensor
        before = len(dlpack._lent)
        del owner
        gc.collect()
        assert len(dlpack._lent) == before - 1

    def test_say_whether_they_are_read_only(self, picture: Pixels) -> None:
        array = picture.copy()
        assert not from_capsule(array.__dlpack__(max_version=(1, 0)))[1]
        array.flags.writeable = False
        assert from_capsule(array.__dlpack__(max_version=(1, 0)))[1]

    def test_are_consumed_once(self, picture: Pixels) -> None:
        capsule = picture.copy().__dlpack__()
        from_capsule(capsule)
        with pytest.raises(UserError, match="gave no capsule that can be used"):
            from_capsule(capsule)

    def test_have_the_name_that_consumers_look_for(self, picture: Pixels) -> None:
        assert NAME.decode() in repr(Lender(picture.copy()).__dlpack__())


def ctypes_array(address: int, shape: tuple[int, ...]) -> Pixels:
    buffer = (ctypes.c_uint8 * int(np.prod(shape))).from_address(address)
    return np.frombuffer(buffer, np.uint8).reshape(shape)


class TestViews:
    @pytest.mark.parametrize("by_interface", [False, True])
    def test_show_what_others_have(self, gpu: FakeCuda, picture: Pixels, by_interface: bool) -> None:
        stream = gpu.stream()
        array = gpu.array(picture, stream)
        view = device_view(array.interface if by_interface else array, cuda.device(), 1)
        assert (view.pointer, view.shape) == (array.address, picture.shape)
        gpu.streams[1].run(gpu.streams[1].issued)  # which waits for their stream
        assert np.array_equal(gpu.at(view.pointer, picture.nbytes), picture.ravel())

    def test_keep_it_alive(self, gpu: FakeCuda, picture: Pixels) -> None:
        before = len(dlpack._lent)
        view = device_view(gpu.array(picture), cuda.device(), 1)
        gc.collect()
        assert len(dlpack._lent) == before + 1
        del view
        gc.collect()
        assert len(dlpack._lent) == before

    def test_of_what_is_on_no_gpu_are_refused(self, gpu: FakeCuda, picture: Pixels) -> None:
        for array in (picture, torch.from_numpy(picture.copy())):
            with pytest.raises(UserError, match="is not on a GPU; move it to GPU 0"):
                device_view(array, cuda.device(), 1)
        with pytest.raises(UserError, match="str offers neither __dlpack__ nor"):
            device_view("frame", cuda.device(), 1)

    def test_of_another_gpu_are_refused(self, gpu: FakeCuda, picture: Pixels) -> None:
        with pytest.raises(UserError, match="is on GPU 1, the model on GPU 0"):
            device_view(gpu.array(picture, device=(2, 1)), cuda.device(), 1)

    @pytest.mark.parametrize("shape", [(3, 56, 64), (56, 64), (1, 56, 64, 3), (56, 64, 4), (0, 64, 3)])
    def test_of_other_shapes_are_refused(self, gpu: FakeCuda, shape: tuple[int, ...]) -> None:
        with pytest.raises(UserError, match=r"give uint8 \[H, W, 3\], RGB"):
            device_view(gpu.array(np.zeros(shape, np.uint8)), cuda.device(), 1)

    def test_of_other_values_are_refused(self, gpu: FakeCuda) -> None:
        for dtype in (np.float32, np.int8, np.uint16):
            with pytest.raises(UserError, match=r"give uint8 \[H, W, 3\], RGB"):
                device_view(gpu.array(np.zeros((4, 5, 3), dtype)).interface, cuda.device(), 1)

    def test_of_gaps_are_refused(self, gpu: FakeCuda) -> None:
        array = gpu.array(np.zeros((4, 5, 3), np.uint8))
        array.strides = (30, 3, 1)
        with pytest.raises(UserError, match=r"not contiguous \(strides \[30, 3, 1\]\); make it so"):
            device_view(array.interface, cuda.device(), 1)
        array.strides = (15, 3, 1)
        device_view(array.interface, cuda.device(), 1)

    def test_of_what_must_not_be_written_to_are_refused(self, gpu: FakeCuda) -> None:
        array = gpu.array(np.zeros((4, 5, 3), np.uint8), read_only=True).interface
        device_view(array, cuda.device(), 1)
        with pytest.raises(UserError, match="is read-only"):
            device_view(array, cuda.device(), 1, writable=True)

    def test_of_what_its_library_will_not_share_are_refused(
        self, gpu: FakeCuda, picture: Pixels, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        array = gpu.array(picture)

        def refuse(stream: int) -> None:
            raise BufferError("it needs gradients")

        monkeypatch.setattr(array, "__dlpack__", refuse, raising=False)
        with pytest.raises(UserError, match="can't be shared: it needs gradients"):
            device_view(array, cuda.device(), 1)


class TestImages:
    def test_are_taken_over_by_dlpack_once_they_are_written(self, gpu: FakeCuda, picture: Pixels) -> None:
        writer, reader = gpu.stream(), gpu.stream()
        image = DeviceImage(ImagePool(cuda.device()), picture.shape, writer)
        written = gpu.at(image.view.pointer, picture.nbytes)
        gpu.enqueue(writer, lambda: written.__setitem__(..., picture.ravel()))
        tensor, _, owner = from_capsule(image.__dlpack__(stream=reader, max_version=(1, 0)))
        assert (tensor.device_type, tensor.device_id) == image.__dlpack_device__() == (2, 0)
        address, shape = tensor.data, tuple(tensor.shape[:3])
        seen: list[Pixels] = []
        gpu.enqueue(reader, lambda: seen.append(gpu.at(address, picture.nbytes).reshape(shape).copy()))
        del image
        gc.collect()
        gpu.streams[reader].run(gpu.streams[reader].issued)  # which waits for the writer's
        assert np.array_equal(seen[0], picture)
        del owner

    def test_are_described_by_the_array_interface(self, gpu: FakeCuda, picture: Pixels) -> None:
        image = DeviceImage(ImagePool(cuda.device()), picture.shape, 1)
        assert image.__cuda_array_interface__ == {
            "shape": picture.shape,
            "typestr": "|u1",
            "data": (image.view.pointer, False),
            "strides": None,
            "version": 3,
            "stream": 1,
        }

    def test_stay_where_they_are(self, gpu: FakeCuda, picture: Pixels) -> None:
        image = DeviceImage(ImagePool(cuda.device()), picture.shape, 1)
        for options in ({"copy": True}, {"dl_device": (1, 0)}):
            with pytest.raises(BufferError):
                image.__dlpack__(**options)
        for library in (np, torch):
            with pytest.raises((BufferError, RuntimeError, AssertionError)):
                library.from_dlpack(image)

    def test_that_are_gone_make_room_for_the_next_on_their_stream(self, gpu: FakeCuda, picture: Pixels) -> None:
        pool, other = ImagePool(cuda.device()), gpu.stream()
        image = DeviceImage(pool, picture.shape, 1)
        address = image.view.pointer
        del image
        assert DeviceImage(pool, picture.shape, other).view.pointer != address
        assert DeviceImage(pool, picture.shape, 1).view.pointer == address

    def test_that_somebody_still_has_do_not(self, gpu: FakeCuda, picture: Pixels) -> None:
        pool = ImagePool(cuda.device())
        image = DeviceImage(pool, picture.shape, 1)
        address = image.view.pointer
        _, _, owner = from_capsule(image.__dlpack__())
        del image
        gc.collect()
        another = DeviceImage(pool, picture.shape, 1)
        assert another.view.pointer != address
        del owner
        gc.collect()
        assert DeviceImage(pool, picture.shape, 1).view.pointer == address

    def test_that_were_read_on_other_streams_are_freed(self, gpu: FakeCuda, picture: Pixels) -> None:
        pool, reader = ImagePool(cuda.device()), gpu.stream()
        free = gpu.free
        image = DeviceImage(pool, picture.shape, 1)
        address = image.view.pointer
        _, _, owner = from_capsule(image.__dlpack__(stream=reader))
        read: list[int] = []
        gpu.enqueue(reader, lambda: read.append(int(gpu.at(address, 1)[0])))
        del image, owner
        gc.collect()
        assert gpu.free == free
        assert len(read) == 1  # freeing waits for what reads


class TestStreamHandles:
    def test_are_found_in_the_streams_of_other_libraries(self) -> None:
        class Torch:
            cuda_stream = 77

        class CuPy:
            ptr = 78

        class CudaCore:
            def __cuda_stream__(self) -> tuple[int, int]:
                return (0, 79)

        assert [stream_handle(each) for each in (Torch(), CuPy(), CudaCore(), 80)] == [77, 78, 79, 80]
        assert [stream_handle(each) for each in (None, 0, 1, 2)] == [1, 1, 1, 2]

    def test_of_anything_else_are_refused(self) -> None:
        for stream in ("fast", -1, 1.5):
            with pytest.raises(UserError, match="is not a CUDA stream"):
                stream_handle(stream)
