"""exp, ln and erfcx without branches or calls, so that loops over them become loops over vectors.

The usual library functions are called element by element from compiled loops, which costs a factor of seven. Errors
are relative, measured against 60-digit values over the stated ranges (tests/models/kernels/test_elementary.py).
NaN, infinities and arguments outside the ranges give numbers without meaning: kernels put NaN in their place.
"""

from __future__ import annotations

import numpy as np

from models.kernels.coefficients import ERFCX as C
from models.kernels.coefficients import ERFCX_SCALE
from models.kernels.compiled import inlined

_LOG2_E = 1.4426950408889634
LN2_HIGH, LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10  # n x the first is exact
ROUNDER = 6755399441055744.0  # 1.5 x 2^52: adding it leaves the nearest integer in the low bits
_LEAST_EXPONENT, _GREATEST_EXPONENT = -707.0, 709.0
_MANTISSA, _SQRT_HALF_BITS = 0xFFFFFFFFFFFFF, 0x3FE6A09E667F3BCD


@inlined
def exp(x: float) -> float:
    """e^x for x in [-707, 709], beyond which the nearer end counts. Error 5e-16.

    x = n ln 2 + r: Taylor's polynomial of degree 12 in r, and n goes into the exponent's bits.
    """
    x = min(max(x, _LEAST_EXPONENT), _GREATEST_EXPONENT)
    shifted = x * _LOG2_E + ROUNDER
    n = shifted - ROUNDER
    r = (x - n * LN2_HIGH) - n * LN2_LOW
    z = r * r
    even = 1 / 479001600
    even = even * z + 1 / 3628800
    even = even * z + 1 / 40320
    even = even * z + 1 / 720
    even = even * z + 1 / 24
    even = even * z + 1 / 2
    even = even * z + 1.0
    odd = 1 / 39916800
    odd = odd * z + 1 / 362880
    odd = odd * z + 1 / 5040
    odd = odd * z + 1 / 120
    odd = odd * z + 1 / 6
    odd = odd * z + 1.0
    bits = np.float64(even + r * odd).view(np.int64) + (np.float64(shifted).view(np.int64) << 52)
    return np.int64(bits).view(np.float64)


@inlined
def log(x: float) -> float:
    """ln x for normal x > 0. Error 3e-16.

    x = 2^n m, m within sqrt 2 of 1: the series of ln((1 + s)/(1 - s)), s = (m - 1)/(m + 1), with the coefficients of
    fdlibm's e_log.
    """
    bits = np.float64(x).view(np.int64) - _SQRT_HALF_BITS
    n = np.float64(bits >> 52)
    f = np.int64((bits & _MANTISSA) + _SQRT_HALF_BITS).view(np.float64) - 1.0
    s = f / (2.0 + f)
    z = s * s
    tail = 1.479819860511658591e-01
    tail = tail * z + 1.531383769920937332e-01
    tail = tail * z + 1.818357216161805012e-01
    tail = tail * z + 2.222219843214978396e-01
    tail = tail * z + 2.857142874366239149e-01
    tail = tail * z + 3.999999999940941908e-01
    tail = tail * z + 6.666666666666735130e-01
    half = 0.5 * f * f
    return n * LN2_HIGH - ((half - (s * (half + z * tail) + n * LN2_LOW)) - f)


@inlined
def erfcx(x: float) -> float:
    """e^(x^2) erfc x for x in [0, 1e150]. Error 5e-16.

    A polynomial in (x - k)/(x + k), which takes the half line to [-1, 1], over 1 + 2 x, which takes the decay away
    (Schonfelder 1978). Two chains of Horner's scheme, even and odd, for twice the throughput.
    """
    t = (x - ERFCX_SCALE) / (x + ERFCX_SCALE)
    z = t * t
    even = C[24]
    even = even * z + C[22]
    even = even * z + C[20]
    even = even * z + C[18]
    even = even * z + C[16]
    even = even * z + C[14]
    even = even * z + C[12]
    even = even * z + C[10]
    even = even * z + C[8]
    even = even * z + C[6]
    even = even * z + C[4]
    even = even * z + C[2]
    even = even * z + C[0]
    odd = C[23]
    odd = odd * z + C[21]
    odd = odd * z + C[19]
    odd = odd * z + C[17]
    odd = odd * z + C[15]
    odd = odd * z + C[13]
    odd = odd * z + C[11]
    odd = odd * z + C[9]
    odd = odd * z + C[7]
    odd = odd * z + C[5]
    odd = odd * z + C[3]
    odd = odd * z + C[1]
    return (even + t * odd) / (1.0 + 2.0 * x)
