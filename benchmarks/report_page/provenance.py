"""Origin of the numbers, and what was not measured."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from report_page.inputs import BENCHMARKS, FIGURES, ReportInputs


@dataclass(frozen=True)
class Part:
    """Origin of one file."""

    name: str
    created: datetime
    commit: str | None
    machine: dict[str, Any]

    @property
    def on(self) -> str:
        """Description of the machine; equal texts mean the same machine."""
        machine = self.machine
        versions = ", ".join(f"{name} {version or '(not installed)'}" for name, version in machine["versions"].items())
        cuda = f", CUDA {machine['cuda']}" if machine.get("cuda") else ""
        return f"{machine['name']} ({machine['device']}), {machine['threads']} threads; {versions}{cuda}"


@dataclass(frozen=True)
class Origin:
    """Origin of the whole page."""

    parts: list[Part]

    @property
    def machines(self) -> dict[str, list[str]]:
        """Parts by machine."""
        found: dict[str, list[str]] = {}
        for part in self.parts:
            found.setdefault(part.on, []).append(part.name)
        return found

    @property
    def commits(self) -> dict[str, list[str]]:
        """Parts by commit."""
        found: dict[str, list[str]] = {}
        for part in self.parts:
            found.setdefault(part.commit or "unknown (not measured in a checkout)", []).append(part.name)
        return found

    @property
    def changed(self) -> bool:
        """Whether any commit has a "+": the checkout had changes when it was measured."""
        return any(part.commit and part.commit.endswith("+") for part in self.parts)

    @property
    def earliest(self) -> datetime:
        return min(part.created for part in self.parts)

    @property
    def latest(self) -> datetime:
        return max(part.created for part in self.parts)


def origin(found: ReportInputs) -> Origin:
    parts = [Part(one.benchmark, _utc(one.created), one.commit, one.machine) for one in found.results]
    parts += [Part(one.name, _utc(one.created), one.commit, one.machine) for one in found.figures]
    return Origin(parts)


def not_measured(found: ReportInputs) -> list[tuple[str, list[str]]]:
    """(topic, lines) of what was not measured: for the whole folder, then for each part."""
    benchmarks = [name for name in BENCHMARKS if found.result(name) is None]
    figures = [number for number in FIGURES if number not in {one.number for one in found.figures}]
    whole = []
    if benchmarks:
        whole.append(f"benchmarks without results: {', '.join(benchmarks)}")
    if figures:
        whole.append(f"figures of the paper that are missing: {', '.join(figures)}")
    if all(part.machine["device"] != "cuda" for part in origin(found).parts):
        whole.append("nothing was measured on a GPU")
    sections = [("The whole", whole), ("Files that could not be used", found.problems)]
    for results in found.results:
        sections.append((results.benchmark, [*results.details.get("not_measured", []), *results.errors]))
    for figure in found.figures:
        errors = [f"{row.picture}, {row.output}, {row.method}: {row.error}" for row in figure.rows if row.error]
        sections.append((figure.name, [*figure.not_measured, *errors]))
    return [(name, lines) for name, lines in sections if lines]


def _utc(created: str) -> datetime:
    when = datetime.fromisoformat(created)
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
