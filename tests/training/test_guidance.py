"""How long the losses that hold colours in place keep their weight depends on the picture."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ingan_fast.pictures import save_image
from ingan_fast.settings import LEARNED
from ingan_fast.training.planning import TrainingPlan, prepare


@pytest.fixture
def one_disc(tmp_path: Path) -> Path:
    """One large disc on an even ground."""
    y, x = np.mgrid[:64, :64]
    picture = np.where((y - 30) ** 2 + (x - 34) ** 2 < 20**2, x * 3, 20).astype(np.uint8)
    save_image(np.dstack([picture, picture, 255 - picture]), tmp_path / "disc.png")
    return tmp_path / "disc.png"


def test_many_things_of_a_kind_are_let_go(picture_path: Path) -> None:
    assert (
        prepare(TrainingPlan("learned", LEARNED, None), picture_path).plan.settings.guidance_left
        == LEARNED.guidance_left
        < 0.5
    )


def test_what_occurs_once_is_guided_to_the_end(one_disc: Path, picture_path: Path) -> None:
    for images in (one_disc, [picture_path, one_disc]):
        assert prepare(TrainingPlan("learned", LEARNED, None), images).plan.settings.guidance_left == 1


def test_what_the_user_sets_holds(one_disc: Path) -> None:
    wanted = replace(LEARNED, guidance_left=0.5)
    assert prepare(TrainingPlan("learned", wanted, None), one_disc).plan.settings.guidance_left == 0.5
