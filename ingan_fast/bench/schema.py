"""Reads and writes JSON files of benchmarks; each kind is a `msgspec.Struct` whose tag, `schema`, names its version."""

import json
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np

from ingan_fast.errors import UserError
from ingan_fast.files import atomic_write

Document = TypeVar("Document", bound=msgspec.Struct)


def read(path: Path, kind: type[Document]) -> Document:
    """Read a file.

    Raises:
        UserError: it can't be read, is not JSON, has another schema, or its content doesn't fit.
    """
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} can't be read: {error}") from None
    return parse(text, kind, str(path))


def parse(text: str, kind: type[Document], name: str) -> Document:
    """Like `read` for a file's text; `name` is for messages."""
    try:
        document = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise UserError(f"{name} is not JSON: {error}") from None
    found = document.get("schema") if isinstance(document, dict) else None
    wanted = kind.__struct_config__.tag
    if found != wanted:
        raise UserError(f"{name} has the schema {found!r}, but this version reads {wanted!r}; measure again")
    return check(document, kind, name)


def check(content: Any, kind: type[Any], name: str) -> Any:
    """Convert plain lists and dictionaries to `kind`.

    Raises:
        UserError: they don't fit.
    """
    try:
        return msgspec.convert(content, kind)
    except msgspec.ValidationError as error:
        raise UserError(f"{name} does not fit its schema: {error}; measure again") from None


def to_json(document: msgspec.Struct) -> str:
    """The file's text.

    Raises:
        ValueError: the document doesn't fit its own types, or contains NaN or infinity.
    """
    content = msgspec.to_builtins(document, enc_hook=_plain)
    msgspec.convert(content, type(document))
    return json.dumps(content, indent=2, allow_nan=False) + "\n"


def write(document: msgspec.Struct, path: Path) -> None:
    """Write a file; raises UserError if `path` can't be written."""
    atomic_write(path, to_json(document).encode())


def _plain(value: Any) -> Any:
    """Subclasses of plain types, such as torch's version, and numpy's numbers."""
    for kind in (str, float, int):
        if isinstance(value, kind):
            return kind(value)
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} can't be written as JSON")
