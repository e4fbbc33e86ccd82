"""Memory of a running program; only Linux tells it."""

from pathlib import Path


def memory(process: int) -> int:
    """MB of a process and its children; what they share is divided among them."""
    lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    own = next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) // 1024
    children = " ".join(file.read_text() for file in Path(f"/proc/{process}/task").glob("*/children"))
    return own + sum(memory(int(child)) for child in children.split())
