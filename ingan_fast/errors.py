"""Exceptions for the user: invalid input, and failures of the machine."""

import errno
from pathlib import Path

# Disk full, over quota, failing or read-only; out of memory: different input would not help.
_OF_THE_MACHINE = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC), errno.EIO, errno.EROFS, errno.ENOMEM}
# Texts of out-of-memory errors of libraries that raise no MemoryError: torch, oneDNN, ONNX Runtime, OpenVINO, CUDA.
_NO_MEMORY = (
    "out of memory",
    "not enough memory",
    "can't allocate memory",
    "cannot allocate memory",
    "failed to allocate memory",
    "bad_alloc",
    "bad allocation",
)

# Optional packages, and the extra of this package that installs each.
_EXTRAS = {
    "av": "video",
    "fastapi": "studio",
    "huggingface_hub": "hub",
    "matplotlib": "train",
    "onnx": "export",
    "onnxscript": "export",
    "ray": "batch",
    "safetensors": "train",
    "python_multipart": "studio",
    "torch": "train",
    "uvicorn": "studio",
    "yaml": "video",
}


class UserError(ValueError):
    """Invalid input: the message says what was given, what is allowed and what to do.

    The command line prints it in one line and exits with code 2; in Python it is a `ValueError`.
    """


class MachineError(RuntimeError):
    """The machine fails: disk full, out of memory, GPU error. The message says what to do.

    The command line prints it in one line and exits with code 1; in Python it is a `RuntimeError`.
    """


def cant_write(path: Path, error: OSError, advice: str) -> UserError | MachineError:
    """The exception for a file that could not be written."""
    kind = MachineError if error.errno in _OF_THE_MACHINE else UserError
    return kind(f"can't write {path}: {error.strerror or error}; {advice}")


def memory_ran_out(error: BaseException) -> bool:
    """Whether `error` reports that memory ran out; libraries do so in different ways."""
    if isinstance(error, MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error).lower() for words in _NO_MEMORY)


def missing_package(error: ImportError) -> str | None:
    """Install advice if an import failed because an optional package is missing; None for another reason."""
    package = (error.name or "").partition(".")[0]
    extra = _EXTRAS.get(package)
    return extra and f"this needs {package}, which is not installed: pip install 'ingan-fast[{extra}]'"
