"""Nodes for ComfyUI: pictures laid out at other sizes, at once or by a small network that learns one picture."""

from .instant import InganFastRetarget
from .layouts import InganFastLayoutImage, InganFastLayoutMask
from .learned import InganFastApplyModel, InganFastLoadModel, InganFastTrain
from .script import InganFastVideoScript

NODE_CLASS_MAPPINGS = {
    node.__name__: node
    for node in (
        InganFastRetarget,
        InganFastLayoutImage,
        InganFastLayoutMask,
        InganFastTrain,
        InganFastLoadModel,
        InganFastApplyModel,
        InganFastVideoScript,
    )
}
NODE_DISPLAY_NAME_MAPPINGS = {name: node.TITLE for name, node in NODE_CLASS_MAPPINGS.items()}

__all__ = ["NODE_CLASS_MAPPINGS", "NODE_DISPLAY_NAME_MAPPINGS"]
