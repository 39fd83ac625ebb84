"""Which numbers a price, a time, a volatility or a discount factor may be: anything else has no option, hence NaN.

One range for all of them, 5e-20 to 2e19: so wide that only mistakes lie outside, so narrow that no formula overflows.
"""

from __future__ import annotations

LEAST = 2.0**-64
LIMIT = 2.0**64  # the first number beyond
