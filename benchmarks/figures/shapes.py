"""The non-rectangular outputs of figures 1 and 8."""

from ingan_fast.geometry import Size, Transform


def shapes(size: Size) -> dict[str, Transform]:
    """Transforms by name, for a source of `size` (width, height)."""
    w, h = size
    corners: dict[str, list[tuple[float, float]]] = {
        "trapezoid": [(0.25 * w, 0), (1.25 * w, 0), (1.5 * w, 1.1 * h), (0, 1.1 * h)],
        "wall": [(0, 0), (1.4 * w, 0.35 * h), (1.4 * w, 0.95 * h), (0, 1.3 * h)],
        "parallelogram": [(0.4 * w, 0), (1.5 * w, 0), (1.1 * w, h), (0, h)],
        "quadrilateral": [(0.15 * w, 0.12 * h), (1.05 * w, 0), (1.3 * w, 1.15 * h), (0, h)],
    }
    return {name: Transform.from_corners(four, None) for name, four in corners.items()}
