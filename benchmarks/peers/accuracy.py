"""How far each candidate is from the truth, by kind of contract, and what it says where there is no volatility."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from benchmarks.peers.chains import Bools, Chain, Floats
from benchmarks.peers.peer import Call
from tests.models.facts import OWN as GOLDEN
from tests.models.facts import read_rows

Columns = dict[str, Floats]
WRONG = 1e-3
_SOLVED = 1e-8  # the intrinsic value leaves the prices of two hard cases no more digits than 1.4e-9
_SMALLEST = {"delta": 1e-12, "gamma": 1e-12, "vega": 1e-6, "vanna": 1e-6, "charm": 1e-6}
_ASSUMED_VOL = 0.2  # where a corner has none


@dataclass(frozen=True, slots=True)
class Deviation:
    """Greatest relative error of the finite answers (None without any), answers off by more than 0.1 %, and NaNs."""

    worst: float | None
    wrong: int
    missing: int
    count: int


@dataclass(frozen=True, slots=True)
class Corner:
    """A case of the table of hard cases: its name and what one candidate said, as told in a cell."""

    case: str
    answer: str
    is_solvable: bool
    is_right: bool


def sample_of(chain: Chain, count: int, seed: int = 7) -> Chain:
    """Contracts at random, in the order of the chain."""
    rows = np.random.default_rng(seed).choice(chain.size, min(count, chain.size), replace=False)
    return chain.take(np.sort(rows))


def groups_of(chain: Chain, truth: Columns) -> dict[str, Bools]:
    """Which contracts of a sample are far from where rounding decides, out of and in the money."""
    forward, discount = chain.forward, chain.discount_factor
    is_out = chain.is_call == (chain.strike >= forward)
    time_value = truth["price"] - np.where(is_out, 0.0, discount * np.abs(forward - chain.strike))
    has_truth = np.isfinite(truth["iv_frac"])
    return {
        "OTM": is_out & has_truth & (truth["price"] >= 0.05),
        "deep OTM": is_out & has_truth & (truth["price"] < 0.05) & (truth["price"] > 1e-12),
        "ITM": ~is_out & has_truth & (time_value >= 0.05),
    }


def implied_vol_errors(make: Callable[[Chain], Call], chain: Chain, truth: Columns) -> dict[str, Deviation]:
    """By group; prices are the truth's, rounded to double."""
    found = _answers(make(replace(chain, mid=truth["price"])))
    return {name: _deviation(found[is_in], truth["iv_frac"][is_in]) for name, is_in in groups_of(chain, truth).items()}


def greek_errors(make: Callable[[Chain], Call], chain: Chain, truth: Columns) -> dict[str, Deviation]:
    """By greek, over the contracts whose greek is not about nothing."""
    found = _answers(make(chain))
    is_live = (np.abs(truth["delta"]) > _SMALLEST["delta"]) & (truth["gamma"] > _SMALLEST["gamma"])
    out = {}
    for name, values in found.items():
        is_in = is_live & (np.abs(truth[name]) > _SMALLEST[name])
        out[name] = _deviation(values[is_in], truth[name][is_in])
    return out


def corner_answers(make: Callable[[Chain], Call], *, raises: bool) -> list[Corner]:
    """Each hard case alone, for some candidates refuse a whole array for one of its prices."""
    return [_corner(make, row, raises=raises) for row in read_rows(GOLDEN / "implied_vol_corners.csv")]


def _corner(make: Callable[[Chain], Call], row: dict[str, str], *, raises: bool) -> Corner:
    expected = float(row["expected_iv"])
    try:
        answer = float(np.ravel(_answers(make(_contract(row))))[0])
    except Exception:  # noqa: BLE001 - what a candidate raises is its answer
        return Corner(row["case"], "raises", np.isfinite(expected), is_right=not np.isfinite(expected))
    if np.isnan(answer):
        told = "raises" if raises else "NaN"
        return Corner(row["case"], told, np.isfinite(expected), is_right=not np.isfinite(expected))
    is_right = bool(np.isfinite(expected) and abs(answer / expected - 1) <= _SOLVED)
    return Corner(row["case"], f"{answer:.4g}", np.isfinite(expected), is_right)


def _contract(row: dict[str, str]) -> Chain:
    def one(name: str) -> Floats:
        return np.array([float(row[name])])

    return Chain(
        spot=one("spot"), strike=one("strike"), t_years=one("t_years"), rate=one("r"), dividend=one("q"),
        iv_frac=np.array([_ASSUMED_VOL]), is_call=np.array([row["is_call"] == "1"]), price=one("price"),
        mid=one("price"), open_interest=np.zeros(1),
    )  # fmt: skip


def _answers(call: Call) -> Any:
    with np.errstate(all="ignore"):
        return call.read(call.run())


def _deviation(found: Floats, truth: Floats) -> Deviation:
    error = np.abs(np.asarray(found, dtype=np.float64) / truth - 1.0)
    is_missing = np.isnan(error)
    worst = float(np.max(error[~is_missing])) if not is_missing.all() else None
    return Deviation(worst, int(np.sum(error > WRONG)), int(is_missing.sum()), int(error.size))
