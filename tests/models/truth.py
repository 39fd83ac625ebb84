"""Sixty-digit truth about European options: Black's price, its greeks and its inverse, by mpmath.

The closed forms are proven against derivatives of the price (test_truth.py); numbers come in as floats or mpf and go
out as mpf. `python -m tests.models.truth` prints the table tests/golden/high_precision_greeks.csv anew.
"""

from __future__ import annotations

from typing import Any

import mpmath as mp

from tests.models.facts import OWN, read_rows

DIGITS = 60
_TABLE = OWN / "high_precision_greeks.csv"
_STATED = ("price", "delta", "gamma", "vega", "vanna", "charm")


def normal_tail(x: mp.mpf) -> mp.mpf:
    """Phi(x), with all digits however far out."""
    return mp.erfc(-x / mp.sqrt(2)) / 2


def price(forward: Any, strike: Any, t_years: Any, iv_frac: Any, discount_factor: Any, is_call: Any) -> mp.mpf:
    """D [F N(d1) - K N(d2)] for calls, D [K N(-d2) - F N(-d1)] for puts."""
    with mp.workdps(DIGITS):
        f, k, t, iv, d = (mp.mpf(value) for value in (forward, strike, t_years, iv_frac, discount_factor))
        total, sign = iv * mp.sqrt(t), 1 if is_call else -1
        d1 = mp.log(f / k) / total + total / 2
        return d * sign * (f * normal_tail(sign * d1) - k * normal_tail(sign * (d1 - total)))


def greeks(
    *, spot: Any, forward: Any, strike: Any, t_years: Any, iv_frac: Any, discount_factor: Any, is_call: Any,
    smooth_carry_frac: Any = 0, is_delta_of_forward: bool = False,
) -> dict[str, mp.mpf]:  # fmt: skip
    """Price and greeks under the names, units and conventions of `models.black.greeks`."""
    with mp.workdps(DIGITS):
        s, f, k, t, iv, d, c = (
            mp.mpf(value)
            for value in (spot, forward, strike, t_years, iv_frac, discount_factor, smooth_carry_frac)
        )  # fmt: skip
        sign, total = 1 if is_call else -1, iv * mp.sqrt(t)
        d1 = mp.log(f / k) / total + total / 2
        d2 = d1 - total
        units = mp.mpf(1) if is_delta_of_forward else d * f / s
        side, density, rate = sign * normal_tail(sign * d1), mp.npdf(d1), -mp.log(d) / t
        value = price(f, k, t, iv, d, is_call)
        gamma, vega = units * density / (s * total), d * f * density * mp.sqrt(t)
        return {
            "price": value,
            "delta": units * side,
            "gamma": gamma,
            "vega": vega,
            "vanna": -units * density * d2 / iv,
            "theta": rate * value - c * d * f * side - vega * iv / (2 * t),
            "charm": (rate - c) * units * side - units * density * (c / total - d2 / (2 * t)),
            "speed": -gamma / s * (d1 / total + 1),
            "zomma": gamma * (d1 * d2 - 1) / iv,
            "vomma": vega * d1 * d2 / iv,
        }


def merton(*, spot: Any, strike: Any, t_years: Any, r: Any, q: Any, sigma: Any, is_call: Any) -> dict[str, mp.mpf]:
    """The same from a spot and continuous rates, as the tables state contracts; nothing is rounded on the way."""
    with mp.workdps(DIGITS):
        t, rate, dividend = mp.mpf(t_years), mp.mpf(r), mp.mpf(q)
        return greeks(
            spot=spot, forward=mp.mpf(spot) * mp.exp((rate - dividend) * t), strike=strike, t_years=t, iv_frac=sigma,
            discount_factor=mp.exp(-rate * t), is_call=is_call, smooth_carry_frac=rate - dividend,
        )  # fmt: skip


def implied_vol(
    price: Any, *, forward: Any, strike: Any, t_years: Any, discount_factor: Any, is_call: Any
) -> mp.mpf | None:
    """The volatility of exactly these numbers; None where none exists.

    Newton's method on ln s for the logarithm of the out-of-the-money price, or of its distance from the upper bound
    where that is nearer, held in a bracket.
    """
    with mp.workdps(DIGITS):
        value, f, k, t, d = (mp.mpf(number) for number in (price, forward, strike, t_years, discount_factor))
        share = (value / d - max((f - k) if is_call else (k - f), 0)) / min(f, k)
        if not (0 < share < 1 and t > 0):
            return None
        return total_volatility(share, -abs(mp.log(f / k))) / mp.sqrt(t)


def total_volatility(share: mp.mpf, x: mp.mpf) -> mp.mpf:
    """s > 0 with Phi(x/s + s/2) - e^-x Phi(x/s - s/2) = share, x <= 0."""
    is_upper = share > 0.5
    target = mp.log(1 - share if is_upper else share)
    low, high = mp.mpf(10) ** -400, mp.mpf(1000)
    s = mp.sqrt(-2 * x) if x else mp.mpf(1)
    for _ in range(2000):
        above, below = x / s + s / 2, x / s - s / 2
        far = mp.exp(-x) * normal_tail(below)
        reached = normal_tail(-above) + far if is_upper else normal_tail(above) - far
        gap = target - mp.log(reached)
        is_low = (gap < 0) if is_upper else (gap > 0)
        low, high = (s, high) if is_low else (low, s)
        step = gap * reached / (mp.npdf(above) * s) * (-1 if is_upper else 1)
        if abs(step) < mp.mpf(10) ** (-DIGITS // 2):
            return s * mp.exp(step)
        following = s * mp.exp(max(min(step, 5), -5))
        s = following if low < following < high else mp.sqrt(low * high)
    raise ArithmeticError(f"no volatility found for {share} at {x}")


def golden_greeks() -> str:
    """The rows of the golden table, computed anew from its contracts and rounded to double."""
    lines = []
    for row in read_rows(_TABLE):
        names = ("spot", "strike", "t_years", "r", "q", "sigma")
        found = merton(**{name: float(row[name]) for name in names}, is_call=row["is_call"] == "1")
        lines.append(
            ",".join([*(row[name] for name in (*names, "is_call")), *(repr(float(found[n])) for n in _STATED)])
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(golden_greeks(), end="")
