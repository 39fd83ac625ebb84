"""Net gamma repriced over a range of spots (METHODS 6): legs, which are contracts reduced to what that needs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models import conventions as c
from models.arrays import numbers
from models.conventions import Floats, Ints
from models.domain import LEAST, LIMIT
from models.engine import implementation


@dataclass(frozen=True, slots=True)
class Legs:
    """Contracts with a volatility; calls and puts of a strike that share it and their forward are one leg.

    At spot P the gamma exposure of a unit is amplitude x P x exp(-d^2/2), d = slope ln(P/spot) + offset: b = F/S is
    frozen, the volatility stays with the strike. `weights`: n M per dealer model and leg; `series`: ascending, so that
    each series is one run of legs. Arrays have one entry per leg, weights (models, legs); `spot` in USD.
    """

    spot: float
    slope: Floats
    offset: Floats
    amplitude: Floats
    weights: Floats
    series: Ints


def make_legs(
    *,
    spot: float,
    forward: Floats,
    strike: Floats,
    t_years: Floats,
    iv_frac: Floats,
    discount_factor: Floats,
    weights: Floats,
    series: Ints,
    is_delta_of_forward: bool = False,
) -> Legs:
    """Legs from arrays of one length (weights: models x legs); legs without a gamma or a weight are left out.

    Gamma as in `models.black.greeks`: D b phi(d1)/(P s sqrt T) with d1 = [ln(b P/K) + s^2 T/2]/(s sqrt T), b = F/S;
    without D b where `is_delta_of_forward`.
    """
    used = np.any(weights != 0.0, axis=0)
    for values in (forward, strike, t_years, iv_frac, discount_factor):
        used &= (values >= LEAST) & (values < LIMIT)
    ratio = forward[used] / spot
    total = iv_frac[used] * np.sqrt(t_years[used])
    units = np.ones_like(ratio) if is_delta_of_forward else discount_factor[used] * ratio
    return Legs(
        spot=spot,
        slope=1.0 / total,
        offset=np.log(forward[used] / strike[used]) / total + 0.5 * total,
        amplitude=units / total * (c.INV_SQRT_2PI * c.ONE_PERCENT),
        weights=np.ascontiguousarray(weights[:, used]),
        series=series[used],
    )


def spot_grid(spot: float) -> Floats:
    """401 spots from 80 to 120 % of `spot`, a tenth of a per cent apart."""
    return spot * np.linspace(c.FLIP_GRID_LOW, c.FLIP_GRID_HIGH, c.FLIP_GRID_POINTS)


def gamma_profile(legs: Legs, spots: npt.ArrayLike, series_count: int) -> Floats:
    """Net gamma exposure in USD per 1 % by dealer model, series and spot: array (models, series_count, spots).

    `spots`: one-dimensional, in USD. A series without legs has zeros. Sums run over the legs in one order, so the
    figures of a spot are the same to the last bit whatever other spots are asked for and on however many threads.
    ValueError for spots that are NaN, not above zero or no number that a price can be (`models.domain`), for
    legs that are NaN or infinite or of different lengths, and for series that do not ascend within [0, series_count).
    """
    prices = numbers("spots", spots)
    if prices.ndim != 1 or not all(np.all((p >= LEAST) & (p < LIMIT)) for p in (prices, np.float64(legs.spot))):
        raise ValueError("spots: one dimension of finite prices above zero is needed")
    slope, offset, sizes = _checked(legs, series_count)
    starts = np.searchsorted(legs.series, np.arange(series_count + 1)).astype(np.int64)
    out = np.empty((sizes.shape[0], series_count, prices.size))
    implementation("profile").fill_profile(slope, offset, sizes, starts, np.log(prices / legs.spot), out)
    out *= prices
    return out


def _checked(legs: Legs, series_count: int) -> tuple[Floats, Floats, Floats]:
    """Slope, offset and size (weight x amplitude, a row a model) as contiguous arrays of finite numbers."""
    weights, amplitude = numbers("weights", legs.weights), numbers("amplitude", legs.amplitude)
    slope, offset = (np.ascontiguousarray(numbers(n, getattr(legs, n))) for n in ("slope", "offset"))
    count = legs.series.size
    if weights.ndim != 2 or {slope.shape, offset.shape, amplitude.shape, weights.shape[1:]} != {(count,)}:
        shapes = f"{slope.shape}, {offset.shape}, {amplitude.shape}, {weights.shape} and {legs.series.shape}"
        raise ValueError(f"legs of different lengths: {shapes}")
    if count and (
        np.any(legs.series[1:] < legs.series[:-1]) or not 0 <= legs.series[0] <= legs.series[-1] < series_count
    ):
        raise ValueError(f"series: they must ascend within 0 and {series_count - 1}")
    sizes = np.ascontiguousarray(weights * amplitude)
    if not all(np.isfinite(values).all() for values in (slope, offset, sizes)):
        raise ValueError("legs: what they are priced from must be finite")
    return slope, offset, sizes
