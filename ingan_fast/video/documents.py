"""YAML files written by users: parsed without constructing objects; errors give the line."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn, TypeVar

import yaml
from yaml import MappingNode, Node, ScalarNode, SequenceNode

from ingan_fast.errors import UserError
from ingan_fast.parsing import nearest

MAX_BYTES = 1 << 18
Value = TypeVar("Value")


class Document:
    """A YAML file of mappings, lists and text.

    Raises:
        UserError: the file can't be read, is too large, empty, or not YAML.
    """

    def __init__(self, path: Path):
        self.path = path
        try:
            root = yaml.compose(_read(path), Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            problem = error.problem or error.context
            self.fail(mark.line + 1 if mark else 1, f"this is not YAML ({problem}); give `key: value` lines")
        except (yaml.YAMLError, RecursionError):
            raise UserError(f"{path} is not YAML; give a text file of keyframes") from None
        if root is None:
            self.fail(1, "the file is empty; give `keyframes:` and a list of them")
        self.root: Node = root

    def fail(self, where: Node | int, message: str) -> NoReturn:
        """Raise a UserError for a node or a line (from 1)."""
        line = where if isinstance(where, int) else self.line(where)
        raise UserError(f"{self.path}:{line}: {message}")

    @contextmanager
    def at(self, where: Node | int, said: str = "") -> Iterator[None]:
        """Add the line to any UserError raised inside, and `said` before its text."""
        try:
            yield
        except UserError as error:
            self.fail(where, f"{said}{error}")

    def line(self, node: Node) -> int:
        """Line number of a node, from 1."""
        return int(node.start_mark.line) + 1

    def mapping(self, node: Node, known: Sequence[str], name: str) -> dict[str, Node]:
        """The values of a mapping whose keys are all in `known`, each at most once."""
        if not isinstance(node, MappingNode):
            self.fail(node, f"{name} is not made of `key: value` lines; its keys are {', '.join(known)}")
        values: dict[str, Node] = {}
        for key_node, value in node.value:
            key = str(key_node.value) if isinstance(key_node, ScalarNode) else "?"
            if key not in known:
                hint = nearest(key, known)
                self.fail(key_node, f"{name} has the unknown key {key[:60]!r}{hint}; its keys are {', '.join(known)}")
            if key in values:
                self.fail(key_node, f"{name} has the key {key!r} twice; leave one out")
            values[key] = value
        return values

    def items(self, node: Node, name: str, most: int) -> list[Node]:
        """The nodes of a list with 1 to `most` items."""
        if not isinstance(node, SequenceNode) or not node.value:
            self.fail(node, f"{name} is not a list; give a line that starts with `- ` for each")
        if len(node.value) > most:
            self.fail(node.value[most], f"{name} has {len(node.value)} items; allowed are {most}, leave some out")
        return list(node.value)

    def value(self, node: Node, name: str, parse: Callable[[str], Value]) -> Value:
        """The text of a node, parsed with `parse`."""
        if not isinstance(node, ScalarNode):
            self.fail(node, f"{name} is a list or has keys of its own; give one value, on its line")
        with self.at(node):
            return parse(str(node.value))


def _read(path: Path) -> str:
    try:
        if not path.is_file():
            raise UserError(f"{path} is {'a folder' if path.is_dir() else 'not a file'}; give a text file of keyframes")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UserError(f"can't read {path}: {error.strerror or error}; give a text file of keyframes") from error
    if len(data) > MAX_BYTES:
        raise UserError(f"{path} is larger than {MAX_BYTES >> 10} kB; give a text file of keyframes")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UserError(f"{path} is not text; give a text file of keyframes, in YAML") from None
