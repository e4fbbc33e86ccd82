"""DLPack capsules, for sharing memory between libraries: https://dmlc.github.io/dlpack/latest/c_api.html."""

import ctypes
import weakref
from ctypes import POINTER, Structure, c_char_p, c_int32, c_int64, c_uint8, c_uint16, c_uint32, c_uint64, c_void_p
from typing import Any

from ingan_fast.errors import UserError

CUDA, CUDA_MANAGED = 2, 13  # DLDeviceType
UNSIGNED = 1  # DLDataTypeCode kDLUInt
READ_ONLY = 1  # flag
NAME, NAME_VERSIONED = b"dltensor", b"dltensor_versioned"
USED = {NAME: b"used_dltensor", NAME_VERSIONED: b"used_dltensor_versioned"}  # global: capsules keep pointers to these


class Tensor(Structure):
    _fields_ = (
        ("data", c_void_p),
        ("device_type", c_int32),
        ("device_id", c_int32),
        ("ndim", c_int32),
        ("code", c_uint8),
        ("bits", c_uint8),
        ("lanes", c_uint16),
        ("shape", POINTER(c_int64)),
        ("strides", POINTER(c_int64)),
        ("byte_offset", c_uint64),
    )


_Deleter = ctypes.CFUNCTYPE(None, c_void_p)


class _Managed(Structure):
    _fields_ = (("tensor", Tensor), ("context", c_void_p), ("deleter", _Deleter))


class _ManagedVersioned(Structure):
    _fields_ = (
        ("major", c_uint32),
        ("minor", c_uint32),
        ("context", c_void_p),
        ("deleter", _Deleter),
        ("flags", c_uint64),
        ("tensor", Tensor),
    )


def _capsule_function(name: str, result: Any, *arguments: Any) -> Any:
    return ctypes.PYFUNCTYPE(result, *arguments)((name, ctypes.pythonapi))


_new = _capsule_function("PyCapsule_New", ctypes.py_object, c_void_p, c_char_p, c_void_p)
_is_valid = _capsule_function("PyCapsule_IsValid", ctypes.c_int, ctypes.py_object, c_char_p)
_pointer = _capsule_function("PyCapsule_GetPointer", c_void_p, ctypes.py_object, c_char_p)
_rename = _capsule_function("PyCapsule_SetName", ctypes.c_int, ctypes.py_object, c_char_p)

_lent: dict[int, tuple[Any, ...]] = {}  # address of a `_Managed` → objects kept alive until the consumer is done


@_Deleter
def _delete(managed: int) -> None:
    _lent.pop(managed, None)


def to_capsule(pointer: int, shape: tuple[int, ...], device: tuple[int, int], owner: Any) -> Any:
    """A DLPack capsule of contiguous uint8 values; its consumer keeps `owner` alive.

    A capsule that is never consumed leaks `owner`: a destructor would have to be Python code, which would be called
    while a consumer's exception is set, and would replace that.
    """
    sizes = (c_int64 * len(shape))(*shape)
    tensor = Tensor(pointer, *device, len(shape), UNSIGNED, 8, 1, ctypes.cast(sizes, POINTER(c_int64)), None, 0)
    managed = _Managed(tensor, None, _delete)
    _lent[ctypes.addressof(managed)] = managed, sizes, owner
    return _new(ctypes.addressof(managed), NAME, None)


def from_capsule(capsule: Any) -> tuple[Tensor, bool, Any]:
    """Consume a DLPack capsule; returns the tensor, whether it is read-only, and the object that keeps it alive."""
    for name, structure in ((NAME_VERSIONED, _ManagedVersioned), (NAME, _Managed)):
        if _is_valid(capsule, name):
            address = _pointer(capsule, name)
            _rename(capsule, USED[name])
            managed = structure.from_address(address)
            read_only = name == NAME_VERSIONED and bool(managed.flags & READ_ONLY)
            return managed.tensor, read_only, _Borrowed(managed.deleter, address)
    raise UserError("__dlpack__ gave no capsule that can be used; give a plain uint8 array [H, W, 3]")


class _Borrowed:
    """Calls the producer's deleter when garbage-collected."""

    def __init__(self, deleter: Any, address: int):
        if deleter:
            weakref.finalize(self, deleter, address)
