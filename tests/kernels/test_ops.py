"""The warp as an operator of torch: registration, derivative, compilation, export. All of it on a CPU."""

import os
import subprocess
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.library import opcheck

from ingan_fast.kernels import grid_warp, homography_warp, ops, reference, sampling_grid
from ingan_fast.kernels.ops import grid_warp_backward_op, grid_warp_op, homography_warp_backward_op, homography_warp_op

MATRICES = torch.tensor(
    [[[1.1, 0.2, 0.05], [-0.1, 0.9, -0.03], [0.1, 0.2, 1.0]], [[-2.0, 1.0, 1.0], [0.5, 1.5, -1.0], [0.1, -0.2, 1.0]]]
)
PADDINGS = ["reflection", "border", "zeros"]
LAYOUTS = [torch.channels_last, torch.contiguous_format]
# Both ways that the twin goes: by rows from 24 channels on, else by `grid_sample`.
CHANNELS = [3, 24]


def make(channels: int, layout: torch.memory_format, dtype: torch.dtype = torch.float32) -> Tensor:
    generator = torch.Generator().manual_seed(channels)
    return torch.randn(2, channels, 7, 5, generator=generator).to(dtype).contiguous(memory_format=layout)


def calls(features: Tensor) -> list[tuple[Any, tuple[Any, ...]]]:
    """Each operator with arguments that suit it."""
    last = features.is_contiguous(memory_format=torch.channels_last)
    grid = sampling_grid(MATRICES, (6, 9))
    gradient = torch.ones(2, features.shape[1], 6, 9, dtype=features.dtype)
    return [
        (homography_warp_op, (features, MATRICES, 6, 9, "reflection")),
        (grid_warp_op, (features, grid, "border")),
        (homography_warp_backward_op, (gradient, MATRICES, 7, 5, "zeros", last)),
        (grid_warp_backward_op, (gradient, grid, 7, 5, "reflection", last)),
    ]


@pytest.mark.parametrize(("channels", "layout"), [(1, torch.contiguous_format), (24, torch.channels_last)])
@pytest.mark.parametrize("which", range(4), ids=["homography", "grid", "homography's gradient", "grid's gradient"])
def test_the_operators_are_registered_as_torch_wants_them(
    which: int, channels: int, layout: torch.memory_format
) -> None:
    features = make(channels, layout)
    operator, arguments = calls(features.requires_grad_() if which < 2 else features)[which]
    opcheck(operator, arguments)


@pytest.mark.parametrize(("which", "dtype"), list(zip(range(4), [torch.float16, torch.bfloat16] * 2, strict=True)))
def test_half_precision_operators_are_registered_as_torch_wants_them(which: int, dtype: torch.dtype) -> None:
    operator, arguments = calls(make(24, torch.channels_last, dtype))[which]
    opcheck(operator, arguments)


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_operators_gradients_are_the_derivatives(layout: torch.memory_format, padding: str) -> None:
    features = make(24, layout, torch.float64)[:, :, :3, :4].contiguous(memory_format=layout).requires_grad_()
    matrices, grid = MATRICES.double(), sampling_grid(MATRICES, (3, 4), torch.float64)
    assert torch.autograd.gradcheck(lambda x: homography_warp_op(x, matrices, 3, 4, padding), features, fast_mode=True)
    assert torch.autograd.gradcheck(lambda x: grid_warp_op(x, grid, padding), features, fast_mode=True)


def value_and_gradient(warp: Callable[[Tensor], Tensor], features: Tensor) -> tuple[Tensor, Tensor]:
    leaf = features.clone(memory_format=torch.preserve_format).requires_grad_()
    warped = warp(leaf)
    (warped * torch.linspace(-1, 1, warped.numel()).view(warped.shape)).sum().backward()
    assert leaf.grad is not None
    return warped.detach(), leaf.grad


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("channels", CHANNELS)
def test_the_operator_is_the_twin_to_the_bit(channels: int, layout: torch.memory_format, padding: str) -> None:
    features, grid = make(channels, layout), sampling_grid(MATRICES, (6, 9))
    pairs = [
        (
            lambda x: homography_warp_op(x, MATRICES, 6, 9, padding),
            lambda x: reference.homography_warp(x, MATRICES, (6, 9), padding),
        ),
        (lambda x: grid_warp_op(x, grid, padding), lambda x: reference.grid_warp(x, grid, padding)),
    ]
    for operator, twin in pairs:
        for found, expected in zip(
            value_and_gradient(operator, features), value_and_gradient(twin, features), strict=True
        ):
            assert torch.equal(found, expected)
            assert found.stride() == expected.stride()


@pytest.mark.parametrize("channels", CHANNELS)
def test_deterministic_mode_sums_the_twin_s_gradient_in_a_fixed_order(channels: int) -> None:
    features, grid = make(channels, torch.contiguous_format), sampling_grid(MATRICES, (6, 9))
    gradient = torch.linspace(-1, 1, 2 * channels * 54).view(2, channels, 6, 9)
    plain = grid_warp_backward_op(gradient, grid, 7, 5, "reflection", False)
    torch.use_deterministic_algorithms(True)
    try:
        fixed = grid_warp_backward_op(gradient, grid, 7, 5, "reflection", False)
    finally:
        torch.use_deterministic_algorithms(False)
    assert fixed.is_contiguous()
    assert fixed.shape == features.shape
    assert torch.allclose(fixed, plain, atol=1e-5)


def graph_of(step: Callable[..., Any], *arguments: Any, dynamic: bool | None = None) -> tuple[Any, list[str]]:
    """What a step compiled whole returns, and the targets of its graph's calls."""
    torch._dynamo.reset()
    graphs: list[torch.fx.GraphModule] = []

    def backend(graph: torch.fx.GraphModule, inputs: list[Tensor]) -> Callable[..., Any]:
        graphs.append(graph)
        from torch._dynamo.backends.debugging import aot_eager

        return aot_eager(graph, inputs)  # type: ignore[no-any-return]

    result = torch.compile(step, backend=backend, fullgraph=True, dynamic=dynamic)(*arguments)
    # The last one: torch may start over, with sizes or floats as symbols.
    return result, [str(node.target) for node in graphs[-1].graph.nodes if node.op == "call_function"]


def step(features: Tensor, matrix: Tensor, size: tuple[int, int]) -> Tensor:
    warped = homography_warp(features, matrix, size)
    return grid_warp(warped, sampling_grid(matrix, size), "border").square().sum()


@pytest.mark.parametrize(("layout", "dynamic"), list(zip(LAYOUTS, (True, False), strict=True)))
def test_a_compiled_warp_is_one_operator(layout: torch.memory_format, dynamic: bool) -> None:
    features = make(24, layout).requires_grad_()
    found, targets = graph_of(step, features, MATRICES, (6, 9), dynamic=dynamic)
    assert sum(target.startswith("ingan_fast.homography_warp") for target in targets) == 1
    assert sum(target.startswith("ingan_fast.grid_warp") for target in targets) == 1
    assert not any("grid_sampler" in target for target in targets)
    expected = step(features, MATRICES, (6, 9))
    assert torch.allclose(found, expected, rtol=1e-5)
    (compiled,), (eager,) = torch.autograd.grad(found, features), torch.autograd.grad(expected, features)
    assert torch.allclose(compiled, eager, atol=1e-4)


def test_a_compiled_warp_takes_new_sizes_without_compiling_again() -> None:
    torch._dynamo.reset()
    compiled = torch.compile(step, backend="aot_eager", fullgraph=True, dynamic=True)
    compiled(torch.randn(1, 3, 8, 11), MATRICES[:1], (9, 7))
    with torch._dynamo.config.patch(error_on_recompile=True):
        for shape, size in (((12, 10), (6, 9)), ((9, 31), (20, 4))):
            features = torch.randn(1, 3, *shape)
            assert torch.allclose(compiled(features, MATRICES[:1], size), step(features, MATRICES[:1], size), rtol=1e-5)


def test_bad_arguments_are_named_when_compiling_too() -> None:
    torch._dynamo.reset()
    with pytest.raises(Exception, match=r"size is \(0, 4\); needed is"):
        torch.compile(step, backend="eager")(torch.randn(2, 3, 8, 8), MATRICES, (0, 4))


@pytest.mark.slow
@pytest.mark.skipif(
    "ATEN_CPU_CAPABILITY" in os.environ, reason="inductor's own kernels give wrong values under an imitated capability"
)
def test_inductor_runs_the_operator() -> None:
    torch._dynamo.reset()
    features = make(24, torch.channels_last)
    compiled = torch.compile(lambda x: homography_warp(x * 2, MATRICES, (6, 9)) + 1, fullgraph=True)
    found = value_and_gradient(compiled, features)
    expected = value_and_gradient(lambda x: homography_warp(x * 2, MATRICES, (6, 9)) + 1, features)
    for each, other in zip(found, expected, strict=True):
        assert torch.allclose(each, other, atol=1e-4)


@pytest.mark.parametrize(("layout", "strict"), list(zip(LAYOUTS, (True, False), strict=True)))
def test_exporters_see_a_grid_sample(layout: torch.memory_format, strict: bool) -> None:
    class Warp(torch.nn.Module):
        def forward(self, features: Tensor, matrix: Tensor) -> Tensor:
            return homography_warp(features, matrix, (6, 9))

    program = torch.export.export(Warp(), (make(24, layout), MATRICES), strict=strict)
    targets = [str(node.target) for node in program.graph.nodes if node.op == "call_function"]
    assert sum("grid_sampler" in target for target in targets) == 1
    assert not any("ingan_fast" in target for target in targets)


def test_tracing_sees_a_grid_sample() -> None:
    features, grid = make(24, torch.channels_last), sampling_grid(MATRICES, (6, 9))
    traced = torch.jit.trace(lambda x, g: grid_warp(x, g), (features, grid))
    assert "grid_sampler" in str(traced.graph)
    assert torch.allclose(traced(features, grid), grid_warp(features, grid), atol=1e-5)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_operator_under_autocast_keeps_the_features_dtype(layout: torch.memory_format) -> None:
    features = make(24, layout)
    plain = homography_warp_op(features, MATRICES, 6, 9, "reflection")
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(homography_warp_op(features, MATRICES, 6, 9, "reflection"), plain)
        assert homography_warp_op(features.bfloat16(), MATRICES, 6, 9, "reflection").dtype == torch.bfloat16


def test_the_operator_is_differentiable_once() -> None:
    features = make(3, torch.channels_last).requires_grad_()
    warped = homography_warp_op(features, MATRICES, 6, 9, "reflection")
    (gradient,) = torch.autograd.grad(warped.square().sum(), features, create_graph=True)
    with pytest.raises(RuntimeError):
        torch.autograd.grad(gradient.sum(), features)


def test_a_cpu_never_imports_the_kernels_nor_triton_itself() -> None:
    code = """
import sys, torch
from ingan_fast.kernels import homography_warp, ops
features = torch.zeros(1, 24, 8, 8).contiguous(memory_format=torch.channels_last).requires_grad_()
homography_warp(features, torch.eye(3)[None], (5, 5)).sum().backward()
assert 'triton' not in sys.modules
ops.homography_warp_op(features, torch.eye(3)[None], 5, 5, 'zeros').sum().backward()  # torch may import it here
assert 'ingan_fast.kernels.triton_warp' not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_cuda_build_without_triton_uses_the_twin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setitem(sys.modules, "triton.runtime", None)  # an import of it raises ImportError
    ops._load_kernels.cache_clear()
    try:
        assert ops._load_kernels() is None
    finally:
        ops._load_kernels.cache_clear()


def test_kernels_that_triton_cannot_build_are_left_for_the_twin(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    kernels = ModuleType("kernels")
    kernels.__dict__.update(DTYPES=(torch.float32,), TritonError=KeyError)
    monkeypatch.setattr(ops, "_load_kernels", lambda: kernels)
    monkeypatch.setattr(ops, "_broken", [])
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 0))
    calls: list[str] = []

    def fused(kernels: ModuleType) -> Tensor:
        calls.append("fused")
        raise KeyError("out of resource: shared memory")

    def twin() -> Tensor:
        calls.append("twin")
        return torch.ones(1, 3, 4, 4)

    features = torch.zeros(1, 3, 4, 4)
    for _ in range(2):
        assert ops._run(features, fused, twin, False).sum() == 48
    (message,) = caplog.messages
    assert "using plain torch" in message
    assert "shared memory" in message
    assert calls == ["fused", "twin", "twin"]
