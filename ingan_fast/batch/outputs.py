"""Writes outputs: files and folders, each whole or not at all."""

import os
import re
import secrets
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from ingan_fast.batch.journal import FOLDER
from ingan_fast.errors import UserError, cant_write
from ingan_fast.files import atomic_write

REPORTS = ("report.csv", "report.html")
_TEMPORARY = ".batch-"  # prefix of folders that are being written
_TEMPORARY_FILE = re.compile(r"\.(.*)\.[0-9a-f]{8}(\.\w+)", re.DOTALL)  # of files (`files.atomic_path`)


def write_output(path: Path, files: Mapping[str, bytes]) -> None:
    """Write an output.

    Args:
        path: of the file or folder.
        files: contents by path in the folder; a single one with the name "" is the file itself.

    Raises:
        UserError, MachineError: it can't be written; nothing is changed.
    """
    if path.is_symlink():
        raise UserError(f"can't write {path}: it is a symbolic link; remove it, or choose another --out")
    if "" in files:
        atomic_write(path, files[""])
    else:
        _write_folder(path, files)


def write_unflushed(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, but without waiting for the disk: for files that can be spared.

    Raises:
        UserError, MachineError: it can't be written.
    """
    temporary = path.with_name(f".{path.stem}.{secrets.token_hex(4)}{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content)
        os.replace(temporary, path)
    except OSError as error:
        raise cant_write(path, error, "choose another --out") from error
    finally:
        temporary.unlink(missing_ok=True)


def read_folder(path: Path) -> dict[str, bytes]:
    """Contents of a folder's files by relative path."""
    files = sorted(file for file in path.rglob("*") if file.is_file())
    return {file.relative_to(path).as_posix(): file.read_bytes() for file in files}


def remove_leftovers(folder: Path, outputs: Iterable[str]) -> None:
    """Remove what a killed batch was writing when it was killed.

    Args:
        folder: the output folder; no other batch may use it.
        outputs: paths in it of the batch's outputs.
    """
    known = {folder / name for name in (*outputs, *REPORTS)}
    for path in list(folder.rglob(".*")):
        if path.name.startswith(_TEMPORARY):
            shutil.rmtree(path, ignore_errors=True)
        elif (match := _TEMPORARY_FILE.fullmatch(path.name)) and (
            path.with_name(match[1] + match[2]) in known or path.is_relative_to(folder / FOLDER)
        ):
            path.unlink(missing_ok=True)


def _write_folder(path: Path, files: Mapping[str, bytes]) -> None:
    temporary, old = (path.with_name(f"{_TEMPORARY}{secrets.token_hex(4)}") for _ in range(2))
    try:
        for name, content in files.items():
            file = temporary / name
            file.parent.mkdir(parents=True, exist_ok=True)
            with open(file, "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
        if path.exists():
            os.replace(path, old)
        os.replace(temporary, path)
    except OSError as error:
        raise cant_write(path, error, "nothing was changed") from error
    finally:
        for folder in (temporary, old):
            shutil.rmtree(folder, ignore_errors=True)
