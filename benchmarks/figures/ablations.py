"""Figure 9, ablation of the losses: the paper's network without reconstruction loss, and with a single scale of D."""

from typing import Any

import numpy as np

from figures import captions
from figures.panels import panel, wrapped
from figures.record import Figure
from figures.studio import Studio, sized, source_panel
from figures.trainings import Trained
from ingan_fast.bench.figure_file import FigureRow
from ingan_fast.geometry import Transform
from ingan_fast.pictures.sheets import Panel
from ingan_fast.quality.metrics import psnr

TITLE = "Ablations: no reconstruction loss, a discriminator of one scale"
VARIANTS: dict[str, dict[str, Any]] = {
    "all losses": {},
    "no reconstruction": {"reconstruction": 0.0},
    "one scale of D": {"scales": 1},
}
OUTPUTS = ("width x1.5", "width x0.6", "height x1.5")


def figure_9(studio: Studio) -> Figure:
    """Each variant with the same seeds and iterations; the sheet shows the first seed."""
    rows: list[FigureRow] = []
    panels: list[list[Panel]] = []
    records, back = [], []
    for name, changes in VARIANTS.items():
        for seed in studio.budget.ablation_seeds:
            trained = studio.ablation(name.replace(" ", "-"), changes, seed)
            method = name if seed == studio.budget.ablation_seeds[0] else f"{name}, seed {seed}"
            source = trained.generator.source
            shown = [] if panels else [source_panel("market", source)]
            for output in OUTPUTS:
                task = sized("market", source, output)
                made = studio.outputs.ours(task, trained, method)
                rows.append(made.row)
                shown.append(panel(made, task, f"{name}, {output}"))
            if method == name:
                panels += wrapped(shown)
            records.append(trained.record())
            back.append(f"{method} {way_back(trained):.1f}")
    plain = [studio.outputs.baseline(sized("market", source, output), "plain resize").row for output in OUTPUTS]
    caption = (
        f"Seeds: {len(studio.budget.ablation_seeds)}; {records[0].iterations:,} iterations each; small "
        "differences may be due to chance. The network is the paper's (on a CPU a small version: see the trainings' "
        "changes), not the default preset, which has no reconstruction loss. In the "
        "paper, without the reconstruction loss parts of the picture get lost (completeness), and with one scale of D "
        f"only small elements look right. {_means(rows + plain)} The source reconstructed from its output of width "
        f"x1.5, PSNR in dB: {', '.join(back)}."
    )
    left_out = ["the paper's network at its full size and length"] * (studio.device == "cpu")
    return Figure("9", TITLE, caption, panels, rows + plain, records, left_out, ablations=True)


def way_back(trained: Trained) -> float:
    """PSNR in dB of the source against G(G(x; T); T⁻¹), where T increases the width by half."""
    generator = trained.generator
    transform = Transform.scale(1.5, 1, generator.source_size)
    wide = generator.retarget(transform).picture
    return psnr(generator.retarget(transform.inverse(generator.source_size), wide).picture, generator.source)


def _means(rows: list[FigureRow]) -> str:
    """Each method's means over its outputs, as text."""
    parts = []
    for method in dict.fromkeys(row.method for row in rows):
        own = [row.measures for row in rows if row.method == method]
        sizes = [v for m in own for k in captions.KEPT if (v := m[k]) is not None]
        numbers = [f"kept {np.mean(sizes):.2f}"] if sizes else []
        for name in captions.DISTANCES:
            numbers.append(f"{name} {1000 * np.mean([m[name] for m in own]):.1f}")
        parts.append(f"{method}: {', '.join(numbers)}")
    return f"Means over the outputs (distances times 1000, lower is better): {'; '.join(parts)}."
