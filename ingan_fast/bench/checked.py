"""Validation of JSON documents."""

import json
import math
from pathlib import Path
from typing import Any

from ingan_fast.errors import UserError

# Expected type of a value: str, int, float (any finite number), dict or None; [kind]: a list of kind; {"key": kind}: an
# object with at least these keys; {str: kind}: an object with any keys; (kind, kind): one of them.
Kind = Any

SHOWN = 60  # characters shown of a wrong value
NAMES = {str: "a text", int: "a whole number", float: "a number", dict: "an object", None: "null"}


def load(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        UserError: it can't be read, or is not JSON.
    """
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} can't be read: {error}") from None
    return parse(text, str(path))


def parse(text: str, name: str) -> Any:
    """Parse JSON; raises a UserError that contains `name` if it is invalid."""
    try:
        return json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise UserError(f"{name} is not JSON: {error}") from None


def check(value: Any, kind: Kind, name: str) -> None:
    """Raise a UserError that contains `name` unless `value` is of `kind`."""
    if not _fits(value, kind):
        shown = repr(value)
        raise UserError(
            f"{name} is {shown[:SHOWN]}{'…' * (len(shown) > SHOWN)}; {_text(kind)} is needed; make it again"
        )
    if isinstance(kind, tuple):
        kind = next(one for one in kind if _fits(value, one))
    if isinstance(kind, list):
        for number, one in enumerate(value):
            check(one, kind[0], f"{name}[{number}]")
    elif isinstance(kind, dict) and str in kind:
        for key, one in value.items():
            check(one, kind[str], f"{name}.{key}")
    elif isinstance(kind, dict):
        for key, of in kind.items():
            if key not in value:
                raise UserError(f"{name} has no {key!r}; make it again")
            check(value[key], of, f"{name}.{key}")


def _fits(value: Any, kind: Kind) -> bool:
    """Check the outermost level only."""
    if isinstance(kind, tuple):
        return any(_fits(value, one) for one in kind)
    if kind is None:
        return value is None
    if kind in (int, float):
        allowed = int if kind is int else (int, float)
        return isinstance(value, allowed) and not isinstance(value, bool) and math.isfinite(value)
    return isinstance(value, kind if isinstance(kind, type) else type(kind))


def _text(kind: Kind) -> str:
    if isinstance(kind, tuple):
        return " or ".join(map(_text, kind))
    if isinstance(kind, list):
        return "a list"
    return "an object" if isinstance(kind, dict) else NAMES[kind]
