"""Laying a picture out anew at another size, without training and without torch (docs/layout.md)."""

from ingan_fast.layout.frames import Frames
from ingan_fast.layout.layouts import Layout, LayoutOptions, Layouts

__all__ = ["Frames", "Layout", "LayoutOptions", "Layouts"]
