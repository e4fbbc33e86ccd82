"""The script that makes a sheet of layouts."""

from pathlib import Path

import pytest
from PIL import Image

from ingan_fast.pictures import load_image
from layout_scenes import grain

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def test_a_sheet_shows_each_picture_wider_and_narrower(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(BENCHMARKS)
    import layout_sheet

    for name in ("a.png", "b.png"):
        Image.fromarray(grain(60, 90)).save(tmp_path / name)
    layout_sheet.main([*(str(tmp_path / name) for name in ("a.png", "b.png", "sheet.png")), "--side", "60"])
    assert capsys.readouterr().out.count("60x40") == 2
    page = load_image(tmp_path / "sheet.png")
    pictures = (page != 255).any(axis=2)[:, 90:]  # right of the source
    assert pictures.any(axis=0).sum() >= 90 + 36 + 90
    assert page.shape[0] > 2 * 40
