"""Each name of TensorRT's that the code uses, against the bindings of several versions.

`tensorrt_names.json` has the names of full TensorRT, whose wheels can't be installed everywhere; TensorRT-RTX is asked
itself, and so is full TensorRT where it is installed.
"""

import ast
import importlib
import inspect
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ingan_fast.export import builder
from ingan_fast.runtime import tensorrt_bindings as tensorrt
from ingan_fast.runtime.backends.tensorrt import USED_NAMES, USED_NAMES_RTX

RECORDED: dict[str, dict[str, str]] = json.loads(Path(__file__).with_name("tensorrt_names.json").read_text())[
    "versions"
]
# What the builder's variables are, and what calls of theirs return.
VARIABLES = {
    "builder": "Builder",
    "config": "IBuilderConfig",
    "parser": "OnnxParser",
    "profile": "IOptimizationProfile",
    "measured": "ITimingCache",
}
RETURNED = {"get_error": "ParserError"}
RTX_ALONE = {
    "BuilderFlag.REQUIRE_USER_ALLOCATION",
    "ComputeCapability.CURRENT",
    "IBuilderConfig.num_compute_capabilities",
    "IBuilderConfig.set_compute_capability",
}


def used(module: ModuleType) -> set[str]:
    """Names such as "Builder.create_network" that the source of a module has."""
    names = set()
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.Attribute):
            names.add(_name(node))
        if isinstance(node, ast.ClassDef):  # a subclass overrides by name
            methods = [each.name for each in node.body if isinstance(each, ast.FunctionDef)]
            bases = [base.attr for base in node.bases if isinstance(base, ast.Attribute)]
            names |= {f"{base}.{method}" for base in bases for method in methods if not method.startswith("_")}
    return {name for name in names if name and "__" not in name}


def _name(node: ast.Attribute) -> str:
    value = node.value
    if isinstance(value, ast.Name) and value.id in VARIABLES:
        return f"{VARIABLES[value.id]}.{node.attr}"
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr in RETURNED:
        return f"{RETURNED[value.func.attr]}.{node.attr}"
    dotted = ast.unparse(node).removeprefix("bindings.").split(".")
    return ".".join(dotted[1:]) if dotted[0] == "trt" and len(dotted) > 2 else ""


USED = used(builder) | used(tensorrt)


def has(module: Any, name: str) -> bool:
    for part in name.split("."):
        module = getattr(module, part, None)
    return module is not None


def test_the_names_that_are_used_are_found_in_the_source() -> None:
    assert {
        "Builder.build_serialized_network",
        "IBuilderConfig.progress_monitor",
        "ILogger.Severity.WARNING",
        "ILogger.log",
        "IProgressMonitor.step_complete",
        "ITimingCache.serialize",
        "NetworkDefinitionCreationFlag.STRONGLY_TYPED",
        "ParserError.desc",
    } | RTX_ALONE <= USED


@pytest.mark.parametrize("version", RECORDED)
def test_full_tensorrt_has_every_name(version: str) -> None:
    known = {f"{cls}.{name}" for cls, names in RECORDED[version].items() for name in names.split()}
    assert (USED | set(USED_NAMES)) - RTX_ALONE <= known


@pytest.mark.parametrize("version", RECORDED)
def test_full_tensorrt_has_no_choice_of_compute_capabilities(version: str) -> None:
    known = {f"{cls}.{name}" for cls, names in RECORDED[version].items() for name in names.split()}
    assert not RTX_ALONE & known


@pytest.mark.parametrize("flavor", tensorrt.MODULES.values())
def test_what_is_installed_has_every_name(flavor: str) -> None:
    try:
        module = importlib.import_module(flavor)
    except ImportError as error:
        pytest.skip(str(error))
    names = USED | set(USED_NAMES_RTX) if flavor == "tensorrt_rtx" else (USED | set(USED_NAMES)) - RTX_ALONE
    assert [name for name in sorted(names) if not has(module, name)] == []
