"""Random options of every kind for the numeric tests, what they are truly worth, and how large the terms are of which
a greek is the sum: where these cancel, no arithmetic is relative to the result."""

from __future__ import annotations

from typing import Any

import numpy as np

from models.black import Greeks
from models.conventions import Floats
from tests.models import truth

Contracts = dict[str, Any]
MINUTE = 1 / 525_600


def contracts(rng: np.random.Generator, count: int, *, deviations: float = 37.0) -> Contracts:
    """From a minute to 30 years, volatility 1 % to 800 %, half of them near the money and half spread evenly to
    `deviations` standard deviations; rates, carry and basis of either sign."""
    spot = np.exp(rng.uniform(-3, 12, count))
    t_years = np.exp(rng.uniform(np.log(MINUTE), np.log(30), count))
    iv_frac = np.exp(rng.uniform(np.log(0.01), np.log(8), count))
    far = rng.uniform(-deviations, deviations, count)
    distance = np.where(rng.random(count) < 0.5, rng.normal(0, 1, count), far) * iv_frac * np.sqrt(t_years)
    forward = spot * np.exp(rng.uniform(-0.05, 0.05, count) * t_years)
    return {
        "spot": spot, "forward": forward, "strike": forward * np.exp(-np.clip(distance, -25, 25)), "t_years": t_years,
        "iv_frac": iv_frac, "discount_factor": np.exp(-rng.uniform(-0.03, 0.1, count) * t_years),
        "smooth_carry_frac": rng.uniform(-0.1, 0.1, count), "is_call": rng.random(count) < 0.5,
    }  # fmt: skip


def true_greeks(options: Contracts, *, is_delta_of_forward: bool = False) -> Greeks:
    """By sixty digits, of exactly these doubles; rounded to double at the end."""
    columns = [np.asarray(values).tolist() for values in options.values()]
    found = [
        truth.greeks(**dict(zip(options, row, strict=True)), is_delta_of_forward=is_delta_of_forward)
        for row in zip(*columns, strict=True)
    ]
    return Greeks(*(np.array([float(each[name]) for each in found]) for name in Greeks._fields))


def sizes(options: Contracts, of: Greeks, *, is_delta_of_forward: bool = False) -> Greeks:
    """The sum of the absolute terms of each greek; the price, delta, gamma and vega are one term each."""
    spot, t, iv, carry = (options[name] for name in ("spot", "t_years", "iv_frac", "smooth_carry_frac"))
    present_forward = options["discount_factor"] * options["forward"]
    units = np.ones_like(spot) if is_delta_of_forward else present_forward / spot
    total = iv * np.sqrt(t)
    distance = np.abs(np.log(options["forward"] / options["strike"])) / total + total / 2
    rate, slope = np.abs(np.log(options["discount_factor"])) / t, of.gamma * spot * total
    side: Floats = np.abs(of.delta) / units
    return Greeks(
        price=of.price, delta=np.abs(of.delta), gamma=of.gamma, vega=of.vega,
        vanna=slope * distance / iv,
        theta=rate * of.price + np.abs(carry) * present_forward * side + of.vega * iv / (2 * t),
        charm=(rate + np.abs(carry)) * units * side + slope * (np.abs(carry) / total + distance / (2 * t)),
        speed=of.gamma / spot * (distance / total + 1),
        zomma=of.gamma * (distance**2 + 1) / iv,
        vomma=of.vega * distance**2 / iv,
    )  # fmt: skip
