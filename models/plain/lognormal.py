"""What Black's formula needs of the lognormal distribution where its plain form would lose digits."""

from __future__ import annotations

import numpy as np
from scipy.special import erfcx

from models.conventions import INV_SQRT_2, INV_SQRT_2PI, Floats

SMALL_HALF = 0.05  # up to which `difference_of_tails` is good to the last digits


def log_ratio(a: Floats, b: Floats) -> Floats:
    """ln(a/b), relative to itself even where a is nearly b: there a - b is exact."""
    return np.where((a < 2.0 * b) & (b < 2.0 * a), np.log1p((a - b) / b), np.log(a / b))


def mills(x: Floats) -> Floats:
    """M(x) = N(-x) e^(x^2/2), Mills' ratio over sqrt(2 pi), for x above -37."""
    return np.asarray(0.5 * erfcx(x * INV_SQRT_2))


def difference_of_tails(x: Floats, h: Floats) -> Floats:
    """M(x - h) - M(x + h) for h <= `SMALL_HALF`, by Taylor's series; M' = x M - 1/sqrt(2 pi)."""
    derivatives = [mills(x)]
    derivatives.append(x * derivatives[0] - INV_SQRT_2PI)
    for n in range(1, 7):
        derivatives.append(n * derivatives[n - 1] + x * derivatives[n])
    _, first, _, third, _, fifth, _, seventh = derivatives
    square = h * h
    return -2.0 * h * (first + square / 6.0 * (third + square / 20.0 * (fifth + square / 42.0 * seventh)))
