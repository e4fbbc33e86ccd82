"""Reads results from a file, a folder, or a git revision of this checkout."""

import subprocess
from pathlib import Path

from ingan_fast.bench import schema
from ingan_fast.bench.results import Results
from ingan_fast.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
FOLDER = "benchmarks/results/cpu"  # of the committed results


def read_runs(name: str, folder: str = FOLDER) -> dict[str, Results]:
    """Results by benchmark name.

    Args:
        name: a results file; a folder of them, or one with a subfolder `results`; or else a git revision.
        folder: the results folder in the revision.

    Raises:
        UserError: none of these, no results, or results of another schema.
    """
    path = Path(name)
    if path.is_file():
        return _by_benchmark([Results.read(path)], name)
    if path.is_dir():
        files = sorted(path.glob("*.json")) or sorted((path / "results").glob("*.json"))
        return _by_benchmark([Results.read(file) for file in files], name)
    return _by_benchmark(_of_revision(name, folder.strip("/")), f"{name}:{folder}")


def _by_benchmark(results: list[Results], name: str) -> dict[str, Results]:
    if not results:
        raise UserError(f"{name} has no results (*.json); write some with ingan-fast bench all --out FOLDER")
    runs = {one.benchmark: one for one in results}
    if len(runs) < len(results):
        names = sorted(one.benchmark for one in results)
        twice = next(name for name in names if names.count(name) > 1)
        raise UserError(f"{name} has more than one file of {twice!r}; give one of the files")
    return runs


def _of_revision(revision: str, folder: str) -> list[Results]:
    """Results in the JSON files of a revision's `folder`."""
    if (
        revision.startswith("-")
        or not (ROOT / ".git").exists()
        or not _git("rev-parse", "--verify", f"{revision}^{{commit}}")
    ):
        raise UserError(
            f"{revision!r} is not a results file, a folder or a revision of this checkout; give one of these"
        )
    listed = _git("ls-tree", "--name-only", f"{revision}:{folder}") or ""
    files = [f"{revision}:{folder}/{line}" for line in listed.splitlines() if line.endswith(".json")]
    if not files:
        raise UserError(f"revision {revision} has no results in {folder}; give another one, or --folder")
    return [schema.parse(_git("show", file) or "", Results, file) for file in files]


def _git(*words: str) -> str | None:
    """Output of a git command; None if it fails or git isn't installed."""
    try:
        done = subprocess.run(["git", "-C", ROOT, *words], capture_output=True, text=True)
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None
