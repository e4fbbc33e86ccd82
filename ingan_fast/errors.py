"""The exceptions for people: mistakes in what a user gave, and faults of the machine."""

import errno
from pathlib import Path

# A disk that is full, over its quota, broken or mounted read-only; no memory: no other input would help.
_OF_THE_MACHINE = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC), errno.EIO, errno.EROFS, errno.ENOMEM}
# How libraries that raise no MemoryError say it: torch, oneDNN, ONNX Runtime, OpenVINO, CUDA.
_NO_MEMORY = (
    "out of memory",
    "not enough memory",
    "can't allocate memory",
    "cannot allocate memory",
    "failed to allocate memory",
    "bad_alloc",
    "bad allocation",
)

# The extra of this package that brings what is not always installed.
_EXTRAS = {
    "av": "video",
    "matplotlib": "train",
    "onnx": "export",
    "onnxscript": "export",
    "safetensors": "train",
    "torch": "train",
    "yaml": "video",
}


class UserError(ValueError):
    """Bad input: the message says what was given, what is allowed and what to do.

    The command line prints it in one line and exits with code 2; from Python it is a `ValueError`.
    """


class MachineError(RuntimeError):
    """The machine can't do it: a full disk, no memory left, a GPU that fails. The message says what to do.

    The command line prints it in one line and exits with code 1; from Python it is a `RuntimeError`.
    """


def cant_write(path: Path, error: OSError, advice: str) -> UserError | MachineError:
    """The exception for a file that could not be written."""
    kind = MachineError if error.errno in _OF_THE_MACHINE else UserError
    return kind(f"can't write {path}: {error.strerror or error}; {advice}")


def memory_ran_out(error: BaseException) -> bool:
    """Whether `error` is one of the many ways to say that there was not enough memory."""
    if isinstance(error, MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error).lower() for words in _NO_MEMORY)


def missing_package(error: ImportError) -> str | None:
    """What to install where an import failed for want of an optional package; None: it failed for another reason."""
    package = (error.name or "").partition(".")[0]
    extra = _EXTRAS.get(package)
    return extra and f"this needs {package}, which is not installed: pip install 'ingan-fast[{extra}]'"
