"""The folders say how the code hangs together: imports between them run one way."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDERS = {"ingan_fast": ROOT / "ingan_fast", "kernels": ROOT / "kernels", "export": ROOT / "export"}


def part_of(name: str) -> str | None:
    """The folder of `ingan_fast` that a module lies in, or its name where it lies in none; None: not ours."""
    words = name.split(".")
    return words[1] if words[0] == "ingan_fast" and len(words) > 1 else None


def imported(path: Path) -> set[str]:
    """The parts that a file imports, also inside functions, but not for type checkers alone."""
    found = set()
    skipped: set[ast.AST] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            skipped |= {inner for statement in node.body for inner in ast.walk(statement)}
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            found |= {part_of(alias.name) for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module == "ingan_fast":
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(part_of(node.module or ""))
    return {name for name in found if name is not None}


def graph() -> dict[str, set[str]]:
    """What each part imports of the others."""
    edges: dict[str, set[str]] = {}
    for folder, path in FOLDERS.items():
        for file in path.rglob("*.py"):
            inside = file.relative_to(path)
            part = folder if folder != "ingan_fast" else inside.parts[0].removesuffix(".py")
            edges.setdefault(part, set()).update(imported(file) - {part})
    edges.pop("__init__")  # names for users, each imported when it is first used
    return edges


def test_imports_between_folders_run_one_way() -> None:
    edges = graph()
    assert {"model", "training", "runtime", "kernels", "export", "cli"} <= edges.keys()
    assert "model" in edges["training"]  # that imports are found
    order = list(TopologicalSorter(edges).static_order())  # CycleError names the parts of a cycle
    assert order.index("kernels") < order.index("model") < order.index("training") < order.index("cli")
