"""What contracts are worth at many instants at once: Black's price at the smile of the moment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models import synthetic
from models.black import greeks
from models.conventions import Floats
from pipelines.simulate.coins.clock import YEAR, Milliseconds
from pipelines.simulate.coins.listing import CoinContracts
from pipelines.simulate.coins.paths import CoinPath

Places = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Valued:
    """A row per contract and instant asked for; prices and vega (per 1.00) in USD a coin."""

    index: Floats
    forward: Floats
    t_years: Floats
    iv_frac: Floats
    price: Floats
    delta: Floats
    vega: Floats


def value(path: CoinPath, contracts: CoinContracts, at: Milliseconds, places: Places) -> Valued:
    """`at` in order; `places`: the contract of each row."""
    index = path.index_at(at)
    t_years = (contracts.expiry_ms[places] - at) / YEAR
    forward = path.forward_at(index, t_years)
    strike = contracts.strike[places]
    distance = np.log(strike / forward)
    steps = path.step_of(at)
    edges = np.flatnonzero(np.diff(steps, prepend=-1))
    variance = np.empty_like(forward)
    for first, last in zip(edges.tolist(), [*edges[1:].tolist(), steps.size], strict=True):
        smile = path.smiles[int(steps[first])]
        variance[first:last] = synthetic.total_variance(distance[first:last], t_years[first:last], smile)
    iv_frac = np.sqrt(variance / t_years)
    shown = greeks(
        spot=index,
        forward=forward,
        strike=strike,
        t_years=t_years,
        iv_frac=iv_frac,
        discount_factor=1.0,
        is_call=contracts.is_call[places],
        is_delta_of_forward=True,
    )
    return Valued(index, forward, t_years, iv_frac, np.maximum(shown.price, 0.0), shown.delta, shown.vega)
