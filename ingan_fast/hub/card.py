"""The model card of a run: its page on the Hub."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ingan_fast.geometry import Transform
from ingan_fast.pictures import Pixels, save_image
from ingan_fast.pictures.sheets import Panel, sheet
from ingan_fast.quality.validation import WIDTHS
from ingan_fast.training.curves import read_log
from ingan_fast.training.monitor import LAYOUT
from ingan_fast.training.run_folder import Config, RunFolder

EXAMPLE = "example.png"
_MEASURES = {
    "coherence": "coherence: how far the output's patches are from the picture's",
    "completeness": "completeness: the picture's from the output's",
    "swd": "swd: how different the two distributions of patches are",
    "kept_width": "kept: 1 where elements keep their size, 0 where they are stretched",
}

_USE = """\
## Use

    pip install "ingan-fast[train,video,hub]"
    ingan-fast retarget {address} --scale 1.5x1 --out wide.png
    ingan-fast video {address} --script grow --out grow.mp4

```python
from ingan_fast import Retargeter

retargeter = Retargeter.open("{address}")
wide = retargeter(scale=(1.5, 1))  # uint8 [H, W, 3]
```
"""
_LIMITS = """\
## Limits

It knows this picture and its like, and nothing else. Things larger than what the network sees at once are stretched,
and outputs far from the sizes that were trained fall apart.
"""


def draw_example(source: Pixels, retarget: Callable[[Transform], Pixels], path: Path) -> None:
    """Write the picture beside outputs at other widths."""
    panels = [Panel("the picture", source, framed=True)]
    for ratio in WIDTHS:
        transform = Transform.scale(ratio, 1.0, (source.shape[1], source.shape[0]))
        panels.append(Panel(f"width x{ratio:g}", retarget(transform)))
    save_image(sheet([panels]), path)


def model_card(run: RunFolder, config: Config, repo: str, licence: str, exported: bool) -> str:
    """The text of README.md, with the metadata that the Hub reads."""
    from huggingface_hub import ModelCardData

    data = ModelCardData(
        license=licence,
        library_name="ingan-fast",
        pipeline_tag="image-to-image",
        tags=["image-retargeting", "internal-learning", "ingan"],
    )
    parts = [
        f"---\n{data.to_yaml()}\n---\n\n# {repo.split('/')[-1]}\n",
        "A small network that has learned the patches of one picture, and lays them out again at any size, shape or\n"
        "perspective.\n",
        f"![The picture, and outputs at other widths]({EXAMPLE})\n",
        _USE.format(address=f"hf://{repo}"),
    ]
    if exported:
        parts.append("`model.onnx` plays without torch, in ONNX Runtime or OpenVINO.\n")
    parts.append("\n".join(["## Training\n", "| | |", "|---|---|", *_facts(run, config), ""]))
    measures = _measures(run)
    if measures:
        parts.append("\n".join(["## Measures\n", *measures, ""]))
    parts.append(_LIMITS)
    return "\n".join(parts)


def _facts(run: RunFolder, config: Config) -> list[str]:
    log = read_log(run.log_path) if run.log_path.is_file() else []
    sizes = ", ".join(f"{image['width']}x{image['height']}" for image in config.images)
    done = log[-1]["iteration"] if log else 0
    facts: dict[str, Any] = {
        "picture" if len(config.images) == 1 else "pictures": f"{sizes} px",
        "preset": config.preset,
        "iterations": f"{done} of {config.settings.iterations}",
        "seed": config.seed,
        "precision": config.precision,
        "versions": ", ".join(f"{name} {number}" for name, number in config.versions.items()),
    }
    return [f"| {name} | {value} |" for name, value in facts.items()]


def _measures(run: RunFolder) -> list[str]:
    """A table of the last validation, beside the picture's layout without a network."""
    log = read_log(run.log_path) if run.log_path.is_file() else []
    layout: dict[str, Any] = next((line for line in log if any(key.startswith(LAYOUT) for key in line)), {})
    last: dict[str, Any] = next((line for line in reversed(log) if f"coherence_x{WIDTHS[0]:g}" in line), {})
    if not last:
        return []
    columns = [f"{who}, width x{ratio:g}" for ratio in WIDTHS for who in ("network", "layout alone")]
    rows = [f"| at 10,000 px | {' | '.join(columns)} |", f"|---{'|---' * len(columns)}|"]
    for name, meaning in _MEASURES.items():
        values = [
            line.get(f"{prefix}{name}_x{ratio:g}")
            for ratio in WIDTHS
            for line, prefix in ((last, ""), (layout, LAYOUT))
        ]
        rows.append(f"| {meaning} | {' | '.join(_number(name, value) for value in values)} |")
    return [*rows, "", "All but the last times 1000, and lower is better."]


def _number(name: str, value: Any) -> str:
    if not isinstance(value, int | float):
        return "–"
    return f"{value:.2f}" if name == "kept_width" else f"{1000 * value:.1f}"
