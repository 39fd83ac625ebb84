"""Which numbers a price, a time, a volatility or a discount factor may be: anything else has no option, hence NaN.

One range for all of them, so wide that only mistakes lie outside, so narrow that products of many stay numbers.
"""

from __future__ import annotations

LEAST = 2.0**-128
LIMIT = 2.0**128  # the first number beyond
