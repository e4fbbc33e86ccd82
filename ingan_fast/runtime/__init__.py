"""Inference with a trained generator, frame by frame; needs NumPy and a backend, not torch.

>>> from ingan_fast.runtime import Retargeter
>>> retargeter = Retargeter.open("exported/model.onnx")
>>> wide = retargeter(frame, scale=(1.5, 1))  # uint8 [H, W, 3] in and out
"""

from ingan_fast.runtime.retargeter import Retargeter

__all__ = ["Retargeter"]
