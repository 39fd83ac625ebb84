"""What Black's formula needs of the lognormal distribution, without branches or calls: ln(a/b), and normal tails at two
points together with their difference, which keeps its digits however near the points are."""

from __future__ import annotations

import numpy as np

from models.kernels.coefficients import LOG, MILLS_SCALE, MILLS_SHIFT
from models.kernels.coefficients import MILLS as C
from models.kernels.compiled import inlined
from models.kernels.elementary import LN2_HIGH, LN2_LOW

BEYOND = np.uint64(0x1F << 59)
_LEAST_BITS = np.uint64((1023 - 64) << 52)  # of domain.LEAST; the range has 2^7 exponents, what lies above them tells
_HALF_EXPONENT, _EXPONENT = np.uint64(1 << 51), np.uint64(0xFFF << 52)
_TWICE_SCALE = 2.0 * MILLS_SCALE


@inlined
def beyond(x: float) -> np.uint64:
    """Has a bit in common with `BEYOND` if and only if x is not within [`domain.LEAST`, `domain.LIMIT`)."""
    return np.float64(x).view(np.uint64) - _LEAST_BITS


@inlined
def log_ratio(a: float, b: float) -> float:
    """ln(a/b) of normal positive numbers. Error 5e-16, relative even where a is nearly b.

    b is moved by a power of two until a/b is within 2/3 and 3/2: then a - b is exact, and a polynomial in the square of
    (a - b)/(a + b) = tanh(ln(a/b)/2) gives the rest.
    """
    bits = np.float64(b).view(np.uint64)
    power = (np.float64(a).view(np.uint64) - bits + _HALF_EXPONENT) & _EXPONENT
    n = np.float64(np.int64(power) >> 52)
    b = np.uint64(bits + power).view(np.float64)
    s = (a - b) / (a + b)
    z = s * s
    tail = LOG[6] * z + LOG[5]
    tail = tail * z + LOG[4]
    tail = tail * z + LOG[3]
    tail = tail * z + LOG[2]
    tail = tail * z + LOG[1]
    tail = tail * z + LOG[0]
    return n * LN2_HIGH + (2.0 * s + (s * (z * tail) + n * LN2_LOW))


@inlined
def mills(x: float, y: float) -> tuple[float, float]:
    """M(x) = N(-x) e^(x^2/2), and (M(x) - M(y))/(y - x), for x and y in [-0.01, 1e70]. Errors 2e-15 and 2e-13.

    M is Mills' ratio over sqrt(2 pi); (d + shift) M(d) is a polynomial in t = (d - scale)/(d + scale). Horner's scheme,
    one for even and one for odd powers, gives it at x, and the values on the way give the divided difference to y. Two
    tails that were subtracted would lose the digits that they share.
    """
    to_x, to_y, over_x, over_y = x + MILLS_SCALE, y + MILLS_SCALE, x + MILLS_SHIFT, y + MILLS_SHIFT
    to, over = to_x * to_y, over_x * over_y
    inverse = 1.0 / (to * over)
    step, inv_over = _TWICE_SCALE * over * inverse, to * inverse
    at_x, at_y = 1.0 - step * to_y, 1.0 - step * to_x
    z, w = at_x * at_x, at_y * at_y
    even, even_slope = C[20] * z + C[18], C[20]
    even, even_slope = even * z + C[16], even_slope * w + even
    even, even_slope = even * z + C[14], even_slope * w + even
    even, even_slope = even * z + C[12], even_slope * w + even
    even, even_slope = even * z + C[10], even_slope * w + even
    even, even_slope = even * z + C[8], even_slope * w + even
    even, even_slope = even * z + C[6], even_slope * w + even
    even, even_slope = even * z + C[4], even_slope * w + even
    even, even_slope = even * z + C[2], even_slope * w + even
    even, even_slope = even * z + C[0], even_slope * w + even
    odd, odd_slope = C[21] * z + C[19], C[21]
    odd, odd_slope = odd * z + C[17], odd_slope * w + odd
    odd, odd_slope = odd * z + C[15], odd_slope * w + odd
    odd, odd_slope = odd * z + C[13], odd_slope * w + odd
    odd, odd_slope = odd * z + C[11], odd_slope * w + odd
    odd, odd_slope = odd * z + C[9], odd_slope * w + odd
    odd, odd_slope = odd * z + C[7], odd_slope * w + odd
    odd, odd_slope = odd * z + C[5], odd_slope * w + odd
    odd, odd_slope = odd * z + C[3], odd_slope * w + odd
    odd, odd_slope = odd * z + C[1], odd_slope * w + odd
    value = even + at_x * odd
    slope = (at_x + at_y) * (even_slope + at_y * odd_slope) + odd
    return value * (over_y * inv_over), (value - over_x * step * slope) * inv_over
