"""Engines run the same training: recorded, compiled, or as it stands."""

import os
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from ingan_fast import compiled
from ingan_fast.compiled import CACHE, CACHE_VARIABLES, RECOMPILE_LIMIT, CompiledStep
from ingan_fast.config import SMOKE, Settings
from ingan_fast.engine import Engine, check_engine, make_engine
from ingan_fast.errors import UserError
from ingan_fast.images import Pixels
from ingan_fast.recorded import RecordedSteps
from ingan_fast.sampling import Draw, Sampler
from ingan_fast.state import TrainingState
from ingan_fast.step import training_step
from tape import Tape

CPU = torch.device("cpu")
STEPS = 20
FEW_SIZES = replace(
    SMOKE, iterations=STEPS, buckets=3, ramp=0.0, freeze_norm_at=0.7, unit_scale=False, reconstruction=0.1
)
PAPER_LIKE = replace(FEW_SIZES, reconstruction=0.1, downscales=1, blocks=1, scales=2)
LAID_OUT = replace(PAPER_LIKE, unit_scale=True, reconstruction=0.0)


def trained(engine: Engine, picture: Pixels, settings: Settings) -> tuple[Tensor, TrainingState]:
    """Losses [STEPS, 4] of a training that freezes its norms on the way, and its state afterwards."""
    sampler, state = Sampler([picture], settings, 0, CPU), TrainingState(settings, 0, CPU)
    losses = []
    for iteration in range(STEPS):
        if iteration == round(settings.freeze_norm_at * STEPS):
            state.freeze_norm(sampler)
        losses.append(engine.step(state, sampler.draw(iteration)).clone())
    return torch.stack(losses), state


def test_recorded_steps_train_as_steps_do(picture: Pixels) -> None:
    """All that changes from step to step reaches a recording through the tensors that it reads."""
    tape, told = Tape(), list[str]()
    recorded = Engine([RecordedSteps(training_step, tape)], told.append)
    (losses, state), (same, expected) = (
        trained(engine, picture, FEW_SIZES) for engine in (recorded, make_engine("eager", CPU, told.append))
    )
    assert torch.equal(losses, same)
    assert torch.equal(state.weights_g, expected.weights_g)
    assert torch.equal(state.weights_averaged, expected.weights_averaged)
    # Three sizes, before and after the norms are frozen.
    assert 0 < tape.recorded <= len(set(shapes_of(picture, FEW_SIZES))) <= 6


def shapes_of(picture: Pixels, settings: Settings) -> list[tuple[tuple[int, int], bool]]:
    sampler = Sampler([picture], settings, 0, CPU)
    return [(sampler.draw(i).size, i >= settings.freeze_norm_at * STEPS) for i in range(STEPS)]


def test_recordings_from_before_the_norms_were_frozen_are_let_go(picture: Pixels) -> None:
    steps = RecordedSteps(training_step, Tape())
    trained(Engine([steps], lambda text: None), picture, FEW_SIZES)
    assert {key[-1] for key in steps.recordings} == {True}


def settings_of_compilers() -> dict[str, Any]:
    return {
        "channels": torch._dynamo.config.force_parameter_static_shapes,
        "limit": torch._dynamo.config.recompile_limit,
        "duck": torch.fx.experimental._config.use_duck_shape,  # type: ignore[attr-defined]
        "donated": torch._functorch.config.donated_buffer,
        "cache": os.environ.get("TORCHINDUCTOR_CACHE_DIR"),
        "triton": os.environ.get("TRITON_CACHE_DIR"),
    }


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("chosen", [None, "/chosen"])
def test_a_compiled_step_leaves_the_process_s_settings_alone(
    picture: Pixels, monkeypatch: pytest.MonkeyPatch, chosen: str | None, fails: bool
) -> None:
    during: list[dict[str, Any]] = []
    settings_of_compilers()  # the first import of a compiler sets a place for its cache

    def step(state: TrainingState, draw: Draw) -> Tensor:
        during.append(settings_of_compilers())
        os.environ["TRITON_CACHE_DIR"] = "/inductor's"  # as inductor does
        if fails:
            raise RuntimeError("no compiler here")
        return torch.zeros(4)

    for name in CACHE_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    if chosen:
        monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", chosen)
    monkeypatch.setattr(compiled, "training_step", step)
    sampler, state = Sampler([picture], FEW_SIZES, 0, CPU), TrainingState(FEW_SIZES, 0, CPU)
    before = settings_of_compilers()
    for static in (False, True):
        with pytest.raises(RuntimeError, match="no compiler here") if fails else nullcontext():
            CompiledStep(print, static)(state, sampler.draw(0))
    assert [each["channels"] for each in during] == [False, True]
    for each in during:
        assert each["duck"] is each["donated"] is False
        assert each["limit"] > before["limit"]
        assert each["cache"] == (chosen or os.path.expanduser(CACHE))
    assert settings_of_compilers() == before


def test_the_environment_is_written_to_for_new_shapes_only(picture: Pixels, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other threads may read it."""
    kept: list[str | None] = []

    def step(state: TrainingState, draw: Draw) -> Tensor:
        kept.append(os.environ.get("TORCHINDUCTOR_CACHE_DIR"))
        return torch.zeros(4)

    monkeypatch.delenv("TORCHINDUCTOR_CACHE_DIR", raising=False)
    monkeypatch.setattr(compiled, "training_step", step)
    sampler, state = Sampler([picture], FEW_SIZES, 0, CPU), TrainingState(FEW_SIZES, 0, CPU)
    run, draw = CompiledStep(print), sampler.draw(0)
    run(state, draw)
    run(state, draw)
    state.freeze_norm(sampler)
    run(state, draw)
    assert [each is not None for each in kept] == [True, False, True]


def test_channels_may_be_static(picture: Pixels, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then norms of each number of channels are compiled by themselves, and never one for all of them."""
    from torch._dynamo.utils import counters

    compile_module = torch.nn.Module.compile
    # The graphs are the same, and inductor takes minutes.
    monkeypatch.setattr(
        torch.nn.Module, "compile", lambda self, **options: compile_module(self, backend="aot_eager", **options)
    )
    expected, _ = trained(make_engine("eager", CPU, print), picture, PAPER_LIKE)
    compilations = []
    for static in (False, True):
        torch._dynamo.reset()
        counters.clear()
        losses, _ = trained(Engine([CompiledStep(lambda text: None, static)], print), picture, PAPER_LIKE)
        compilations.append(counters["stats"]["unique_graphs"])
        assert (losses - expected).abs().max() < 0.05 * expected.abs().max()
    assert compilations[0] < compilations[1] <= RECOMPILE_LIMIT


@pytest.mark.slow
@pytest.mark.parametrize("settings", [PAPER_LIKE, LAID_OUT], ids=["paper-like", "laid out"])
def test_compiled_steps_train_as_steps_do_and_are_compiled_a_few_times(
    picture: Pixels, settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    from torch._dynamo.utils import counters

    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    torch._dynamo.reset()
    counters.clear()
    told: list[str] = []
    losses, _ = trained(make_engine("compile", CPU, told.append), picture, settings)
    expected, _ = trained(make_engine("eager", CPU, told.append), picture, settings)
    assert len({size for size, _ in shapes_of(picture, settings)}) >= 3
    assert not any("can't be compiled or recorded" in text for text in told), told
    # Norms and the composition, before and after norms are frozen, for large and small pictures; not one for each size.
    assert counters["stats"]["unique_graphs"] <= 10
    assert sum("compiled for" in text for text in told) >= 2
    assert losses.isfinite().all()
    assert (losses[0] - expected[0]).abs().max() < 1e-3
    assert (losses - expected).abs().max() < 0.05 * expected.abs().max()


class TritonError(Exception):
    """As Triton's own: no RuntimeError."""


@pytest.mark.parametrize("kind", [RuntimeError, TritonError])
def test_what_cannot_be_compiled_runs_as_it_is_and_is_told_once(picture: Pixels, kind: type[Exception]) -> None:
    def broken(state: TrainingState, draw: Draw) -> Tensor:
        raise kind("no compiler here\nand a long trace")

    told: list[str] = []
    losses, _ = trained(Engine([broken, training_step], told.append), picture, FEW_SIZES)
    expected, _ = trained(make_engine("eager", CPU, told.append), picture, FEW_SIZES)
    assert torch.equal(losses, expected)
    assert [text for text in told if "can't be compiled or recorded" in text] == [told[1]]
    assert told[1].endswith("no compiler here")


def test_out_of_memory_is_not_taken_for_a_failed_compilation(picture: Pixels) -> None:
    def full(state: TrainingState, draw: Draw) -> Tensor:
        raise torch.OutOfMemoryError("full")

    with pytest.raises(torch.OutOfMemoryError):
        trained(Engine([full, training_step], lambda text: None), picture, FEW_SIZES)


def test_a_cpu_runs_steps_as_they_are(picture: Pixels) -> None:
    assert make_engine("auto", CPU, print).ways == [training_step]
    for name in ("record", "graphs-static", "graphs"):
        with pytest.raises(UserError, match=f"engine {name} needs a GPU"):
            check_engine(name, CPU)
    with pytest.raises(UserError, match="auto, eager, compile, record, graphs-static or graphs"):
        check_engine("turbo", CPU)


@pytest.mark.gpu
@pytest.mark.parametrize("name", ["compile", "record", "graphs-static", "graphs"])
def test_a_gpu_trains_the_same_with_every_engine(picture: Pixels, name: str) -> None:
    device = torch.device("cuda")
    told: list[str] = []
    every = []
    for engine in (make_engine(name, device, told.append), make_engine("eager", device, told.append)):
        sampler, state = Sampler([picture], FEW_SIZES, 0, device), TrainingState(FEW_SIZES, 0, device)
        every.append(torch.stack([engine.step(state, sampler.draw(i)).clone() for i in range(STEPS)]).cpu())
    assert not any("can't be compiled or recorded" in text for text in told), told
    assert every[0].isfinite().all()
    assert (every[0] - every[1]).abs().max() < 0.05 * every[1].abs().max()


@pytest.mark.gpu
def test_a_cpu_s_checkpoint_goes_on_as_recorded_steps(picture: Pixels) -> None:
    device, told = torch.device("cuda"), list[str]()
    state = TrainingState(FEW_SIZES, 0, device)
    state.load_state_dict(TrainingState(FEW_SIZES, 0, CPU).state_dict())
    sampler, engine = Sampler([picture], FEW_SIZES, 0, device), make_engine("graphs", device, told.append)
    ways = len(engine.ways)
    for _ in range(3):
        losses = engine.step(state, sampler.draw(0))
    assert losses.isfinite().all()
    assert len(engine.ways) == ways, told
