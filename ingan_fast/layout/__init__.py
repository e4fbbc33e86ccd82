"""Laying a picture out anew at another size, without training and without torch (docs/layout.md)."""

from ingan_fast.layout.frames import Frames
from ingan_fast.layout.layouts import Layout, Layouts, Wishes

__all__ = ["Frames", "Layout", "Layouts", "Wishes"]
