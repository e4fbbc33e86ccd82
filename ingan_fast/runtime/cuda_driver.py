"""The functions of CUDA's driver library that the runtime calls, through ctypes; failures are errors in one line.

The library (libcuda) exists wherever a GPU is usable, and these functions have had a stable ABI for years
(docs/architecture.md says why no package is used). Tests replace it by a stand-in, whose names and types are checked
against cuda.h.
"""

import ctypes
import sys
from ctypes import POINTER, byref, c_char_p, c_int, c_size_t, c_uint, c_uint64, c_void_p
from functools import cache
from typing import Any

from ingan_fast.errors import MachineError

LIBRARY = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"

# Argument types of the functions used; all return a CUresult.
_OUT, _HANDLE, _ADDRESS = POINTER(c_void_p), c_void_p, c_uint64
SIGNATURES: dict[str, tuple[Any, ...]] = {
    "cuInit": (c_uint,),
    "cuGetErrorString": (c_int, POINTER(c_char_p)),
    "cuDeviceGetCount": (POINTER(c_int),),
    "cuDeviceGet": (POINTER(c_int), c_int),
    "cuDeviceGetName": (c_void_p, c_int, c_int),
    "cuDeviceGetAttribute": (POINTER(c_int), c_int, c_int),
    "cuDevicePrimaryCtxRetain": (_OUT, c_int),
    "cuCtxPushCurrent_v2": (_HANDLE,),
    "cuCtxPopCurrent_v2": (_OUT,),
    "cuMemAlloc_v2": (POINTER(c_uint64), c_size_t),
    "cuMemFree_v2": (_ADDRESS,),
    "cuMemHostAlloc": (_OUT, c_size_t, c_uint),
    "cuMemFreeHost": (c_void_p,),
    "cuMemcpyHtoDAsync_v2": (_ADDRESS, c_void_p, c_size_t, _HANDLE),
    "cuMemcpyDtoHAsync_v2": (c_void_p, _ADDRESS, c_size_t, _HANDLE),
    "cuMemcpyDtoDAsync_v2": (_ADDRESS, _ADDRESS, c_size_t, _HANDLE),
    "cuPointerGetAttribute": (c_void_p, c_int, _ADDRESS),
    "cuStreamCreate": (_OUT, c_uint),
    "cuStreamDestroy_v2": (_HANDLE,),
    "cuStreamSynchronize": (_HANDLE,),
    "cuStreamWaitEvent": (_HANDLE, _HANDLE, c_uint),
    "cuStreamBeginCapture_v2": (_HANDLE, c_int),
    "cuStreamEndCapture": (_HANDLE, _OUT),
    "cuEventCreate": (_OUT, c_uint),
    "cuEventDestroy_v2": (_HANDLE,),
    "cuEventRecord": (_HANDLE, _HANDLE),
    "cuEventQuery": (_HANDLE,),
    "cuGraphInstantiateWithFlags": (_OUT, _HANDLE, c_uint64),
    "cuGraphLaunch": (_HANDLE, _HANDLE),
    "cuGraphExecDestroy": (_HANDLE,),
    "cuGraphDestroy": (_HANDLE,),
}

OUT_OF_MEMORY = 2  # a CUresult


class CudaError(MachineError):
    """A CUDA call failed."""


class Driver:
    """The functions of libcuda; `call` raises if one fails."""

    def __init__(self, library: Any):
        self._functions = {}
        for name, arguments in SIGNATURES.items():
            function = getattr(library, name)
            function.argtypes, function.restype = arguments, c_int
            self._functions[name] = function
        self.call("cuInit", 0)

    def status(self, name: str, *arguments: Any) -> int:
        """Call a function and return its CUresult."""
        result: int = self._functions[name](*arguments)
        return result

    def call(self, name: str, *arguments: Any) -> None:
        status = self.status(name, *arguments)
        if status == OUT_OF_MEMORY:
            raise CudaError(
                "the GPU's memory is full (or page-locked host memory); make smaller outputs or close other programs"
            )
        if status:
            raise CudaError(f"CUDA failed: {self._message(status)} ({name}, error {status})")

    def _message(self, status: int) -> str:
        text = c_char_p()
        self.status("cuGetErrorString", status, byref(text))
        return (text.value or b"unknown error").decode()


@cache
def driver() -> Driver:
    """The driver of this process.

    Raises:
        CudaError: there is none.
    """
    try:
        return Driver(load_library())
    except (OSError, AttributeError) as error:
        raise CudaError(f"there is no GPU that can be used: {error}; install NVIDIA's driver") from error


def load_library() -> Any:
    return ctypes.CDLL(LIBRARY)
