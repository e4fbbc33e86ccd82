"""The inner loops in C (`native/`), where the package was installed with a C compiler or as a wheel.

Elsewhere numpy does the same, to the bit: the functions that call the loops have both.
"""

try:
    from ingan_fast.layout import _loops as loops

    available = True
except ImportError:
    available = False

DESCRIPTION = (
    "with compiled loops"
    if available
    else "without compiled loops, several times slower; to have them, install again with a C compiler"
)

__all__ = ["DESCRIPTION", "available", "loops"]
