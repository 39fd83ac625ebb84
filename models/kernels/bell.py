"""The shape of the normal density, as fast as a vector unit makes it: of grids it is the only expensive part."""

from __future__ import annotations

import numpy as np

from models.kernels.coefficients import BELL as C
from models.kernels.compiled import inlined
from models.kernels.elementary import ROUNDER

BELL_SCALE = 0.8493218002880191  # sqrt(log2(e)/2): bell(BELL_SCALE d) is e^(-d^2/2)
_LEAST_EXPONENT = -1020.0


@inlined
def bell(z: float) -> float:
    """2^(-z^2) for finite z. Error 4e-16 + 1.6e-16 z^2, as that of the square itself; 0 from 2^-1020.5 down.

    -z^2 = n + r: a polynomial in r, and n goes into the exponent's bits. Base 2 leaves no rounding in the split, and no
    logarithm to multiply by; zero, not the nearest number that fits, keeps far legs from giving sums a sign.
    """
    shifted = ROUNDER - z * z
    n = shifted - ROUNDER
    r = -(z * z) - n
    power = C[10]
    power = power * r + C[9]
    power = power * r + C[8]
    power = power * r + C[7]
    power = power * r + C[6]
    power = power * r + C[5]
    power = power * r + C[4]
    power = power * r + C[3]
    power = power * r + C[2]
    power = power * r + C[1]
    power = power * r + C[0]
    bits = np.float64(power).view(np.int64) + (np.float64(shifted).view(np.int64) << 52)
    return np.int64(bits).view(np.float64) if n >= _LEAST_EXPONENT else 0.0
