"""Shapes of marks, the same on the page and in figures."""

import math

Corners = tuple[tuple[float, float], ...]


def _polygon(corners: int, turn: float = 0.0, inner: float = 1.0) -> Corners:
    """Return a polygon whose first corner is `turn` turns from the top; a star, if `inner` is below 1."""
    radii = [1.0, inner] * corners if inner < 1 else [1.0] * corners
    angles = [2 * math.pi * (turn + step / len(radii)) for step in range(len(radii))]
    return tuple(
        (round(radius * math.sin(angle), 3), round(radius * math.cos(angle), 3))
        for radius, angle in zip(radii, angles, strict=True)
    )


_PLUS = (
    (0.35, 1.0), (0.35, 0.35), (1.0, 0.35), (1.0, -0.35), (0.35, -0.35), (0.35, -1.0),
    (-0.35, -1.0), (-0.35, -0.35), (-1.0, -0.35), (-1.0, 0.35), (-0.35, 0.35), (-0.35, 1.0),
)  # fmt: skip
_CROSS = tuple((round(0.7 * (x + y), 3), round(0.7 * (y - x), 3)) for x, y in _PLUS)
SHAPES: tuple[Corners, ...] = (
    _polygon(24),
    _polygon(4, turn=1 / 8),
    _polygon(3),
    _polygon(4),
    _polygon(3, turn=1 / 2),
    _PLUS,
    _polygon(5, inner=0.45),
    _CROSS,
)
"""Corners, within 1, of circle, square, triangle, diamond, triangle on its tip, plus, star and cross;
upwards is positive."""
