"""A stand-in for ComfyUI: its modules as far as the nodes use them, and an executor that calls nodes as ComfyUI's does.

Written from reading ComfyUI (execution.py, the loader in nodes.py, interrupts in comfy/model_management.py), not from
running it. What it keeps to: prompts are checked before anything runs (types of links, ranges, choices, then
VALIDATE_INPUTS, which gets what is not linked); IS_CHANGED gets what is not linked; nodes run in a thread of their own,
in inference mode, with keyword arguments; outputs are kept as long as nothing before them changes; progress bars raise
if the workflow is cancelled.
"""

import importlib.util
import inspect
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from comfyui_nodes import core_nodes

PACK = Path(__file__).parents[1] / "hosts" / "comfyui"
WIDGETS = {"INT": int, "FLOAT": float, "STRING": str, "BOOLEAN": bool}
Prompt = dict[str, dict[str, Any]]


class InterruptProcessingException(Exception):
    """What ComfyUI raises in a workflow that is cancelled."""


@dataclass
class Host:
    """ComfyUI.

    Attributes:
        progress: (value, total) of every update of the bars.
        previews: what came with them.
        on_progress: called with every value, to cancel at some point.
        unloaded: how often all models were asked to leave the memory.
    """

    root: Path
    nodes: dict[str, Any] = field(default_factory=dict)
    progress: list[tuple[int, int]] = field(default_factory=list)
    previews: list[Any] = field(default_factory=list)
    on_progress: Callable[[int], None] = lambda value: None
    unloaded: int = 0
    cancelled: bool = False
    device: str = "cpu"
    saved_video: Any = None
    _outputs: dict[str, Any] = field(default_factory=dict)

    def cancel(self) -> None:
        self.cancelled = True

    def check(self) -> None:
        if self.cancelled:
            self.cancelled = False
            raise InterruptProcessingException

    def folder(self, name: str) -> Path:
        (self.root / name).mkdir(parents=True, exist_ok=True)
        return self.root / name

    # Checking

    def problems(self, prompt: Prompt) -> list[str]:
        """What ComfyUI has against a prompt, "NODE: message: details" each; nothing runs if there is anything."""
        found = []
        for name, node in prompt.items():
            if node["class_type"] not in self.nodes:
                found.append(f"{name}: Node {node['class_type']} not found")
                continue
            found += [f"{name}: {text}" for text in self._problems_of(prompt, node)]
        if not any(map(self._is_output, prompt.values())):
            found.append("Prompt has no outputs")
        return found

    def _is_output(self, node: dict[str, Any]) -> bool:
        return bool(getattr(self.nodes.get(node["class_type"]), "OUTPUT_NODE", False))

    def _problems_of(self, prompt: Prompt, node: dict[str, Any]) -> list[str]:
        kind, given = self.nodes[node["class_type"]], node["inputs"]
        check = getattr(kind, "VALIDATE_INPUTS", None)
        own = set(inspect.signature(check).parameters) if check else set()
        found = []
        for category, inputs in kind.INPUT_TYPES().items():
            if category == "hidden":
                continue
            for name, (wanted, *options) in inputs.items():
                if name in given:
                    found += self._problems_with(
                        prompt, name, given, wanted, options[0] if options else {}, name in own
                    )
                elif category == "required":
                    found.append(f"Required input is missing: {name}")
        if check is not None and not found:
            said = check(**{name: value for name, value in _unlinked(given).items() if name in own})
            if said is not True:
                found.append(f"Custom validation failed for node: {said}")
        return found

    def _problems_with(
        self, prompt: Prompt, name: str, given: dict[str, Any], wanted: Any, options: dict[str, Any], own: bool
    ) -> list[str]:
        value = given[name]
        if isinstance(value, list):
            made = self.nodes[prompt[value[0]]["class_type"]].RETURN_TYPES[value[1]]
            right = made == wanted or (isinstance(wanted, list) and made == "COMBO")
            return [] if right else [f"Return type mismatch between linked nodes: {name}, {made} and {wanted}"]
        convert = WIDGETS.get(wanted) if isinstance(wanted, str) else None
        if convert is None and not isinstance(wanted, list):
            return [f"{name} of type {wanted} is not linked"]
        try:
            given[name] = value = convert(value) if convert else value
        except (TypeError, ValueError) as error:
            return [f"Failed to convert an input value to a {wanted} value: {name}, {error}"]
        if own:
            return []
        if isinstance(wanted, list) and value not in wanted:
            return [f"Value not in list: {name}: {value!r} not in {wanted}"]
        if "min" in options and value < options["min"]:
            return [f"Value {value} smaller than min of {options['min']}: {name}"]
        if "max" in options and value > options["max"]:
            return [f"Value {value} bigger than max of {options['max']}: {name}"]
        return []

    # Executing

    def run(self, prompt: Prompt) -> dict[str, tuple[Any, ...]]:
        """Queue a prompt: the outputs of all of its nodes. Raises what a node raises."""
        problems = self.problems(prompt)
        assert not problems, problems
        done: dict[str, tuple[Any, ...]] = {}
        raised: list[BaseException] = []

        def work() -> None:
            try:
                with torch.inference_mode():
                    for name, node in prompt.items():
                        if self._is_output(node):
                            self._execute(prompt, name, done)
            except BaseException as error:
                raised.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        if raised:
            raise raised[0]
        return done

    def _execute(self, prompt: Prompt, name: str, done: dict[str, tuple[Any, ...]]) -> tuple[Any, ...]:
        if name in done:
            return done[name]
        node = prompt[name]
        kind = self.nodes[node["class_type"]]
        values, key = {}, [node["class_type"], name]
        for each, value in node["inputs"].items():
            linked = isinstance(value, list)
            values[each] = self._execute(prompt, value[0], done)[value[1]] if linked else value
            key.append((each, id(values[each]) if linked else value))
        if hasattr(kind, "IS_CHANGED"):
            key.append(kind.IS_CHANGED(**_unlinked(node["inputs"])))
        kept = self._outputs.get(name)
        if kept is not None and kept[0] == key:
            done[name] = kept[1]
            return kept[1]
        self.check()
        result = getattr(kind(), kind.FUNCTION)(**values)
        result = result.get("result", ()) if isinstance(result, dict) else result
        assert len(result) == len(kind.RETURN_TYPES), (node["class_type"], len(result))
        if str(PACK) in kind.__module__.replace("_x_", "."):
            for made, value in zip(kind.RETURN_TYPES, result, strict=True):
                _check_made(made, value)
        self._outputs[name] = (key, result, values)  # the inputs, too, so that their ids stay theirs
        done[name] = result
        return result


def _unlinked(inputs: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in inputs.items() if not isinstance(value, list)}


def _check_made(kind: str, value: Any) -> None:
    """An output is what its type promises to other nodes."""
    if kind in ("IMAGE", "MASK"):
        assert isinstance(value, torch.Tensor)
        assert value.dtype == torch.float32
        assert value.ndim == (4 if kind == "IMAGE" else 3)
        assert len(value) > 0
        assert 0 <= float(value.min()) <= float(value.max()) <= 1
    elif kind in WIDGETS:
        assert isinstance(value, WIDGETS[kind])


def call(host: Host, node: str, /, **inputs: Any) -> tuple[Any, ...]:
    """One node, executed with these values on its sockets and widgets."""

    class Given:
        RETURN_TYPES = tuple(_socket(value) for value in inputs.values())
        FUNCTION = "give"

        @classmethod
        def INPUT_TYPES(cls) -> dict[str, Any]:
            return {"required": {}}

        @classmethod
        def IS_CHANGED(cls) -> float:
            return float("nan")  # which differs from itself

        def give(self) -> tuple[Any, ...]:
            return tuple(inputs.values())

    class End:
        RETURN_TYPES = ()
        FUNCTION = "end"
        OUTPUT_NODE = True

        @classmethod
        def INPUT_TYPES(cls) -> dict[str, Any]:
            return {"required": {"value": (host.nodes[node].RETURN_TYPES[0],)}}

        def end(self, value: Any) -> tuple[()]:
            return ()

    host.nodes |= {"Given": Given, "End": End}
    socketed = {name: ["1", place] for place, name in enumerate(inputs) if _socket(inputs[name]) != "WIDGET"}
    prompt = {
        "1": {"class_type": "Given", "inputs": {}},
        "2": {"class_type": node, "inputs": inputs | socketed},
        "3": {"class_type": "End", "inputs": {"value": ["2", 0]}},
    }
    return host.run(prompt)["2"]


def _socket(value: Any) -> str:
    if isinstance(value, torch.Tensor):
        return "IMAGE" if value.ndim == 4 else "MASK"
    names = {"Laid": "INGAN_FAST_LAYOUT", "Model": "INGAN_FAST_MODEL"}
    return names.get(type(value).__name__, "WIDGET")


def start(root: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    """A ComfyUI with its folders below `root`, and the pack's nodes in it."""
    host = Host(root)

    class ProgressBar:
        def __init__(self, total: int, node_id: str | None = None):
            self.total, self.current = total, 0

        def update_absolute(self, value: int, total: int | None = None, preview: Any = None) -> None:
            self.total = self.total if total is None else total
            self.current = min(value, self.total)
            host.progress.append((self.current, self.total))
            if preview is not None:
                host.previews.append(preview)
            host.on_progress(self.current)
            host.check()

        def update(self, value: int) -> None:
            self.update_absolute(self.current + value)

    def unload_all_models() -> None:
        host.unloaded += 1

    def save_video(video: Any) -> None:
        host.saved_video = video

    management = _module(
        "comfy.model_management",
        InterruptProcessingException=InterruptProcessingException,
        throw_exception_if_processing_interrupted=host.check,
        processing_interrupted=lambda: host.cancelled,
        get_torch_device=lambda: torch.device(host.device),
        unload_all_models=unload_all_models,
    )
    utils = _module("comfy.utils", ProgressBar=ProgressBar)
    folders = _module(
        "folder_paths",
        models_dir=str(host.folder("models")),
        get_output_directory=lambda: str(host.folder("output")),
        get_input_directory=lambda: str(host.folder("input")),
    )
    comfy = _module("comfy", model_management=management, utils=utils)
    for module in (comfy, management, utils, folders):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    host.nodes = core_nodes(host.folder, save_video) | load_pack(monkeypatch).NODE_CLASS_MAPPINGS
    return host


def load_pack(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Import the pack as ComfyUI does: a folder under a name made of its path."""
    name = str(PACK).replace(".", "_x_")
    for old in [each for each in sys.modules if each == name or each.startswith(name + ".")]:
        monkeypatch.delitem(sys.modules, old)
    spec = importlib.util.spec_from_file_location(name, PACK / "__init__.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, module)
    spec.loader.exec_module(module)
    return module


def _module(name: str, **names: Any) -> ModuleType:
    module = ModuleType(name)
    vars(module).update(names)
    return module


def from_ui(workflow: dict[str, Any], host: Host) -> Prompt:
    """The prompt of a workflow as the page stores it: links by numbers, widgets' values by their order."""
    links = {link[0]: link for link in workflow["links"]}
    prompt: Prompt = {}
    for node in workflow["nodes"]:
        kinds = host.nodes[node["type"]].INPUT_TYPES()
        inputs = kinds.get("required", {}) | kinds.get("optional", {})
        widgets = [name for name, (kind, *_) in inputs.items() if isinstance(kind, list) or kind in WIDGETS]
        values = dict(zip(widgets, node.get("widgets_values", []), strict=False))
        for socket in node.get("inputs", []):
            if socket["link"] is not None:
                number, source, slot, target, place, kind = links[socket["link"]]
                origin = next(each for each in workflow["nodes"] if each["id"] == source)
                assert number in origin["outputs"][slot]["links"]
                assert origin["outputs"][slot]["type"] == kind == socket["type"]
                assert (target, node["inputs"][place]) == (node["id"], socket)
                values[socket["name"]] = [str(source), slot]
        prompt[str(node["id"])] = {"class_type": node["type"], "inputs": values}
    return prompt
