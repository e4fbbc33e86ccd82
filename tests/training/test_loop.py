"""Training learns, repeats itself to the byte, and leaves what its run folder promises."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from ingan_fast import load, train
from ingan_fast.errors import UserError
from ingan_fast.model.sampling import Sampler
from ingan_fast.model.state import TrainingState
from ingan_fast.model.step import LOSSES
from ingan_fast.pictures import Pixels, save_image
from ingan_fast.settings import SMOKE
from ingan_fast.training.engine import TrainingEngine, make_engine
from ingan_fast.training.progress import Status
from ingan_fast.training.trained import read_run
from trainings import generator_bytes, losses_of, run

pytestmark = pytest.mark.usefixtures("unwatched")

CPU = torch.device("cpu")
SELDOM = {"checkpoint_every": 1000, "preview_every": 1000, "validate_every": 1000}  # only at the end


# What a training does


def test_sixty_iterations_lower_the_reconstruction_loss(picture_path: Path, tmp_path: Path) -> None:
    changes = {
        "iterations": 60,
        "stages": 1,
        "places": 0.0,
        "copies": 0.0,
        "moments": 0.0,
        "skips": True,
        "exit_gain": 1.0,
        "reconstruction": 10.0,
        "learning_rate_g": 2e-3,
        "decay_from": 0.9,
    }
    changes |= {"ramp": 0.0, "min_scale": 0.7, "max_scale": 1.4, "max_corner_shift": 0.0}  # alike from the start
    run(picture_path, tmp_path / "run", settings=changes | SELDOM)
    losses = [line["reconstruction"] for line in losses_of(tmp_path / "run")]
    assert len(losses) == 60
    assert np.mean(losses[20:]) < 0.85 * np.mean(losses[:15])


def test_the_same_seed_gives_the_same_bytes(uninterrupted: Path, picture_path: Path, tmp_path: Path) -> None:
    torch.manual_seed(99)  # what the process did before changes nothing
    run(picture_path, tmp_path / "again")
    assert generator_bytes(tmp_path / "again") == generator_bytes(uninterrupted)


def test_another_seed_gives_other_bytes(uninterrupted: Path, picture_path: Path, tmp_path: Path) -> None:
    run(picture_path, tmp_path / "other", seed=1)
    assert generator_bytes(tmp_path / "other") != generator_bytes(uninterrupted)


def test_a_run_holds_what_its_description_says(uninterrupted: Path, picture: Pixels) -> None:
    assert {path.name for path in uninterrupted.iterdir()} == {
        "config.json",
        "source.png",
        "generator.safetensors",
        "checkpoint.pt",
        "log.jsonl",
        "monitor",
        "train.lock",
    }
    assert {path.name for path in (uninterrupted / "monitor").iterdir()} == {
        "iteration_000006.png",
        "iteration_000012.png",
        "latest.png",
        "losses.png",
        "quality.png",
    }
    config = json.loads((uninterrupted / "config.json").read_text())
    assert config["seed"] == 0
    assert config["device"] == "cpu"
    assert config["settings"]["freeze_norm_at"] == 0.5
    # A package's version may lack the local part ("+cpu"), and the module's too.
    assert config["versions"]["torch"].split("+")[0] == torch.__version__.split("+")[0]
    assert (config["images"][0]["width"], config["images"][0]["height"]) == (64, 56)
    lines = losses_of(uninterrupted)
    assert [line["iteration"] for line in lines] == list(range(1, 13))
    assert all(set(LOSSES) <= line.keys() for line in lines)


def test_losses_are_reported_as_they_are_logged(picture_path: Path, tmp_path: Path) -> None:
    reports: list[Status] = []
    run(picture_path, tmp_path / "run", settings=SELDOM | {"log_every": 5}, report=reports.append)
    assert [(status.iteration, status.iterations) for status in reports] == [(5, 12), (10, 12), (12, 12)]
    for status, line in zip(reports, losses_of(tmp_path / "run"), strict=True):
        assert line["iteration"] == status.iteration
        assert line["adversarial"] == pytest.approx(status.losses["adversarial"], abs=1e-6)


def test_a_training_without_reconstruction_never_computes_it(picture_path: Path, tmp_path: Path) -> None:
    run(picture_path, tmp_path / "run", settings={"iterations": 3, "reconstruction": 0.0})
    assert [line["reconstruction"] for line in losses_of(tmp_path / "run")] == [0.0] * 3
    assert read_run(tmp_path / "run").settings.reconstruction == 0


@pytest.mark.parametrize(
    "changes", [{"scales": 1}, {"noise": 0.0}, {"stages": 1}, {"places": 0.0, "copies": 0.0, "skips": True}]
)
def test_ablations_train(picture_path: Path, tmp_path: Path, changes: dict[str, Any]) -> None:
    assert run(picture_path, tmp_path / "run", settings={"iterations": 3, **changes}).finished
    losses = losses_of(tmp_path / "run")[-1]
    assert 0 < losses["adversarial"] < 10
    assert 0 < losses["discriminator"] < 10


def test_the_norms_are_frozen_before_the_iteration_at_their_part_of_the_training(
    picture_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frozen_after: list[int] = []
    freeze = TrainingState.freeze_norm

    def noting(state: TrainingState, sampler: Sampler) -> None:
        frozen_after.append(state.iteration)
        freeze(state, sampler)

    monkeypatch.setattr(TrainingState, "freeze_norm", noting)
    run(picture_path, tmp_path / "even", settings={"iterations": 4, "freeze_norm_at": 0.5})
    run(picture_path, tmp_path / "uneven", settings={"iterations": 5, "freeze_norm_at": 0.5})
    assert frozen_after == [2, 3]


def eager() -> TrainingEngine:
    return make_engine("eager", CPU, lambda text: None)


def one_step(picture: Pixels, **changes: Any) -> tuple[TrainingState, torch.Tensor]:
    settings = replace(SMOKE, reconstruction=1.0, **changes)
    sampler, state = Sampler([picture], settings, 0, CPU), TrainingState(settings, 0, CPU)
    return state, eager().step(state, sampler.draw(5))


def test_a_detached_inverse_has_the_same_losses_and_other_gradients(picture: Pixels) -> None:
    (whole, losses), (detached, same_losses) = one_step(picture), one_step(picture, detach_inverse=True)
    assert torch.equal(losses, same_losses)
    assert whole.weights_g.grad is not None
    assert detached.weights_g.grad is not None
    assert not torch.equal(whole.weights_g.grad, detached.weights_g.grad)


def test_a_step_moves_both_networks(picture: Pixels) -> None:
    state, losses = one_step(picture)
    fresh = TrainingState(state.settings, 0, CPU)
    assert losses.isfinite().all()
    assert state.iteration == 1
    for network in ("generator", "discriminator"):
        pairs = zip(getattr(state, network).parameters(), getattr(fresh, network).parameters(), strict=True)
        moved = [not torch.equal(*pair) for pair in pairs]
        assert np.mean(moved) > 0.5


def norms(network: nn.Module) -> list[torch.Tensor]:
    found = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    return [value.clone() for norm in found for value in (norm.running_mean, norm.running_var)]  # type: ignore[union-attr]


def test_frozen_norms_keep_their_statistics(picture: Pixels) -> None:
    sampler, state = Sampler([picture], SMOKE, 0, CPU), TrainingState(SMOKE, 0, CPU)

    def step() -> list[torch.Tensor]:
        eager().step(state, sampler.draw(state.iteration))
        return norms(state.generator)

    assert not all(map(torch.equal, norms(state.generator), step()))
    state.freeze_norm(sampler)
    frozen = norms(state.generator)
    for _ in range(2):
        assert all(map(torch.equal, frozen, step()))
    assert all(map(torch.equal, frozen, norms(state.deployable(sampler))))


def test_a_training_ends_with_the_statistics_it_was_frozen_with(
    uninterrupted: Path, picture_path: Path, tmp_path: Path
) -> None:
    """A run of 12 iterations that never froze deploys something else."""
    run(picture_path, tmp_path / "run", settings={"freeze_norm_at": 1.0})
    assert generator_bytes(tmp_path / "run") != generator_bytes(uninterrupted)


def test_the_learning_rate_falls_linearly_to_zero() -> None:
    settings = replace(SMOKE, iterations=100, decay_from=0.6, learning_rate_g=1e-3, learning_rate_d=3e-3)
    state = TrainingState(settings, 0, CPU)
    rates = {}
    for state.iteration in (0, 60, 80, 99):
        state.set_schedules()
        rates[state.iteration] = [o.rate.item() * 1e3 for o in (state.optimizer_g, state.optimizer_d)]
    assert rates[0] == rates[60] == pytest.approx([1, 3])
    assert rates[80] == pytest.approx([0.5, 1.5])
    assert rates[99] == pytest.approx([0.025, 0.075])


# Pictures


def test_several_pictures_train_one_model(picture: Pixels, picture_path: Path, tmp_path: Path) -> None:
    other = np.ascontiguousarray(picture[:40, ::-1])
    save_image(other, tmp_path / "dots.png")  # of the same name, in another folder
    run([picture_path, tmp_path / "dots.png"], tmp_path / "run", settings={"iterations": 3})
    trained = read_run(tmp_path / "run")
    np.testing.assert_array_equal(trained.sources[0], picture)
    np.testing.assert_array_equal(trained.sources[1], other)
    assert len({image["name"] for image in trained.config.images}) == 2


def test_a_large_picture_is_made_smaller_and_the_user_told(picture_path: Path, tmp_path: Path) -> None:
    told: list[str] = []
    run(picture_path, tmp_path / "run", settings={"iterations": 3, "max_side": 48}, notice=told.append)
    assert load(tmp_path / "run", device="cpu").source_size == (48, 42)
    assert any("64x56" in text and "48x42" in text for text in told)


def test_no_picture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="at least one"):
        train([], tmp_path / "run", preset_name="smoke")
    assert not (tmp_path / "run").exists()


# TensorBoard


def test_tensorboard_events_are_written_when_asked_for(picture_path: Path, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run(picture_path, tmp_path / "run", settings={"iterations": 3}, tensorboard=True)
    events = EventAccumulator(str(tmp_path / "run" / "tensorboard")).Reload()
    logged = [line["adversarial"] for line in losses_of(tmp_path / "run")]
    assert [event.value for event in events.Scalars("loss/adversarial")] == pytest.approx(logged, abs=1e-5)
    assert [event.step for event in events.Images("preview")] == [3]


def test_tensorboard_that_is_not_installed_is_refused(
    picture_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(UserError, match=r"pip install 'ingan-fast\[tensorboard\]'"):
        run(picture_path, tmp_path / "run", tensorboard=True)
    assert not (tmp_path / "run").exists()
