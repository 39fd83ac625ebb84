"""One small function a peer: its fastest public call, its inputs made ready before the clock starts.

Flags, slices and frames in a peer's own form are prepared, and units are normalised, outside of what is timed, so that
a peer is charged for nothing but its call. Ours is charged for the whole public call with every output it allocates.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from benchmarks.peers.chains import Chain, Floats
from benchmarks.peers.peer import Call, Greeks, Peer, by_run, by_side, listed, one_by_one
from models import engine

GREEKS = ("delta", "gamma", "vega", "vanna", "charm")


def own_implied_vol(chain: Chain, chosen: engine.Engine = "compiled") -> Call:
    """Ours, through its public function."""
    from models.implied_vol import implied_vol

    forward, discount = chain.forward, chain.discount_factor

    def run() -> Floats:
        engine.use(chosen)
        return implied_vol(
            chain.mid, forward=forward, strike=chain.strike, t_years=chain.t_years, discount_factor=discount,
            is_call=chain.is_call,
        )  # fmt: skip

    return Call(run, lambda found: found)


def own_greeks(chain: Chain, chosen: engine.Engine = "compiled") -> Call:
    """Ours: price and all greeks, whatever a peer gives."""
    from models.black import greeks

    forward, discount, carry = chain.forward, chain.discount_factor, chain.rate - chain.dividend

    def run() -> Any:
        engine.use(chosen)
        return greeks(
            spot=chain.spot, forward=forward, strike=chain.strike, t_years=chain.t_years, iv_frac=chain.iv_frac,
            discount_factor=discount, is_call=chain.is_call, smooth_carry_frac=carry,
        )  # fmt: skip

    return Call(run, lambda found: {name: getattr(found, name) for name in GREEKS})


def _fast_vollib_iv(chain: Chain) -> Call:
    from fast_vollib import fast_implied_volatility

    flags, chosen = np.where(chain.is_call, "c", "p"), {"model": "black_scholes_merton", "on_error": "ignore"}

    def run() -> Any:
        return fast_implied_volatility(
            chain.mid, chain.spot, chain.strike, chain.t_years, chain.rate, flags, chain.dividend,
            return_as="numpy", backend="numba", **chosen,
        )  # fmt: skip

    return Call(run, lambda found: np.asarray(found).ravel())


def _fast_vollib_greeks(chain: Chain) -> Call:
    from fast_vollib import get_all_greeks

    flags = np.where(chain.is_call, "c", "p")

    def run() -> Any:
        return get_all_greeks(
            flags, chain.spot, chain.strike, chain.t_years, chain.rate, chain.iv_frac, chain.dividend,
            model="black_scholes_merton", return_as="dict", backend="numpy",
        )  # fmt: skip

    return Call(run, lambda found: _per_point(found, "delta", "gamma", "vega"))


def _per_point(found: Any, *names: str) -> Greeks:
    """vega per point of volatility made vega per 1.00."""
    return {name: np.asarray(found[name]).ravel() * (100.0 if name == "vega" else 1.0) for name in names}


def _opengreeks_iv(chain: Chain) -> Call:
    from opengreeks.black_scholes_merton import implied_volatility_array as solve

    def call(part: Chain) -> Callable[[], Any]:
        rate, dividend, flag = float(part.rate[0]), float(part.dividend[0]), "c" if part.is_call[0] else "p"
        return lambda: solve(part.mid, part.spot, part.strike, part.t_years, rate, dividend, flag)

    return by_run(chain, call)


def _opengreeks_greeks(chain: Chain) -> Call:
    from opengreeks import black_scholes_merton as peer

    functions = [getattr(peer, f"{name}_array") for name in GREEKS]

    def call(part: Chain) -> Callable[[], Any]:
        flag, rate, dividend = "c" if part.is_call[0] else "p", float(part.rate[0]), float(part.dividend[0])
        return lambda: [
            function(flag, part.spot, part.strike, part.t_years, rate, part.iv_frac, dividend) for function in functions
        ]

    made = by_run(chain, call, outputs=5)
    units = {"vega": 100.0, "charm": -1.0}
    return Call(
        made.run,
        lambda found: {n: v * units.get(n, 1.0) for n, v in zip(GREEKS, made.read(found), strict=True)},
    )


def _signs(chain: Chain) -> Any:
    return np.where(chain.is_call, 1, -1).astype(np.int8)


def _pyvolr_iv(chain: Chain) -> Call:
    from pyvolr.bs import implied_vol

    inputs = (chain.mid, _signs(chain), chain.spot, chain.strike, chain.t_years, chain.rate, chain.dividend)
    return Call(lambda: implied_vol(*inputs, on_error="ignore"), np.asarray)


def _pyvolr_greeks(chain: Chain) -> Call:
    from pyvolr.bs import greeks

    inputs = (_signs(chain), chain.spot, chain.strike, chain.t_years, chain.rate, chain.iv_frac, chain.dividend)
    return Call(lambda: greeks(*inputs), lambda found: {name: found[name] for name in ("delta", "gamma", "vega")})


def _lbriv_iv(chain: Chain) -> Call:
    from lbriv import vectorized_implied_vol_strikes as solve

    def call(part: Chain) -> Callable[[], Any]:
        undiscounted, forward = part.mid / part.discount_factor, float(part.forward[0])
        sign = 1 if part.is_call[0] else -1
        return lambda: solve(undiscounted, forward, part.strike, sign)

    made = by_run(chain, call)
    return Call(made.run, lambda found: made.read(found) / np.sqrt(chain.t_years))


def _iv_engine_iv(chain: Chain) -> Call:
    from iv_engine import implied_volatilities as solve

    def call(part: Chain, is_call: bool) -> Any:
        undiscounted, forward = part.mid / part.discount_factor, part.forward
        return lambda: solve(undiscounted, forward, part.strike, part.t_years, is_call, parallel=False)

    return by_side(chain, call)


def _iv_engine_greeks(chain: Chain) -> Call:
    import iv_engine as peer

    def call(part: Chain, is_call: bool) -> Any:
        inputs = (part.forward, part.strike, part.t_years, part.iv_frac)
        return lambda: (
            peer.deltas(*inputs, is_call, parallel=False),
            *(function(*inputs, parallel=False) for function in (peer.gammas, peer.vegas, peer.vannas)),
        )

    made, units = by_side(chain, call), chain.discount_factor * chain.forward / chain.spot

    def read(found: Any) -> Greeks:
        delta, gamma, vega, vanna = made.read(found)
        per_spot = units * chain.forward / chain.spot
        vega *= chain.discount_factor
        return {"delta": delta * units, "gamma": gamma * per_spot, "vega": vega, "vanna": vanna * units}

    return Call(made.run, read)


def _vanilla_iv(chain: Chain) -> Call:
    from vanilla_option_pricers import infer_bsm_ivols_from_slice_prices as solve

    def call(part: Chain) -> Callable[[], Any]:
        years, forward, discount = float(part.t_years[0]), float(part.forward[0]), float(part.discount_factor[0])
        sides = np.where(part.is_call, "C", "P")
        return lambda: solve(years, forward, discount, part.strike, sides, part.mid)

    return by_run(chain, call)


def _frame(chain: Chain) -> Any:
    import polars as pl

    carried = np.exp(-chain.dividend * chain.t_years)
    columns = ("mid", "spot", "strike", "t_years", "rate", "dividend", "iv_frac", "is_call")
    return pl.DataFrame({name: getattr(chain, name) for name in columns} | {"carried": chain.spot * carried})


def _polars_vol_iv(chain: Chain) -> Call:
    from polars_vol import implied_vol

    frame, asked = _frame(chain), implied_vol("mid", "strike", "carried", "t_years", "rate", "is_call", method="halley")
    return Call(lambda: frame.select(asked.alias("iv")), lambda found: found["iv"].to_numpy())


def _polars_vol_greeks(chain: Chain) -> Call:
    from polars_vol import black_scholes_with_greeks

    frame = _frame(chain)
    asked = black_scholes_with_greeks("strike", "carried", "iv_frac", "t_years", "rate", "is_call")
    units = np.exp(-chain.dividend * chain.t_years)

    def read(found: Any) -> Greeks:
        told = found.unnest("greeks")
        return {
            "delta": told["delta"].to_numpy() * units,
            "gamma": told["gamma"].to_numpy() * units * units,
            "vega": told["vega"].to_numpy(),
        }

    return Call(lambda: frame.select(asked.alias("greeks")), read)


def _polars_greeks(chain: Chain) -> Call:
    import polars as pl
    from polars_greeks import df

    frame, asked = _frame(chain), df(
        "spot", pl.col("strike"), pl.col("t_years"), pl.col("iv_frac"), r=pl.col("rate"), q=pl.col("dividend"),
        is_call=pl.col("is_call"), greeks=list(GREEKS),
    )  # fmt: skip

    def read(found: Any) -> Greeks:
        told = found.unnest("greeks")
        return {name: told[name].to_numpy() for name in GREEKS}

    return Call(lambda: frame.select(asked.alias("greeks")), read)


def _quantlib_iv(chain: Chain) -> Call:
    import QuantLib as ql  # noqa: N813 - as its own documentation names it

    def solve(is_call: bool, strike: float, forward: float, price: float, discount: float, root_t: float) -> float:
        side = ql.Option.Call if is_call else ql.Option.Put
        return ql.blackFormulaImpliedStdDev(side, strike, forward, price, discount, 0.0, nothing, 1e-12, 200) / root_t

    nothing, root_t = ql.nullDouble(), np.sqrt(chain.t_years)
    return one_by_one(
        solve, listed(chain.is_call, chain.strike, chain.forward, chain.mid, chain.discount_factor, root_t)
    )


def _vollib_iv(chain: Chain) -> Call:
    from vollib.black_scholes_merton.implied_volatility import implied_volatility

    flags = np.where(chain.is_call, "c", "p")
    inputs = (chain.mid, chain.spot, chain.strike, chain.t_years, chain.rate, chain.dividend, flags)
    return one_by_one(implied_volatility, listed(*inputs))


def _vollib_greeks(chain: Chain) -> Call:
    from vollib.black_scholes_merton.greeks import analytical as peer

    rows = list(
        listed(
            np.where(chain.is_call, "c", "p"), chain.spot, chain.strike, chain.t_years, chain.rate, chain.iv_frac,
            chain.dividend,
        )
    )  # fmt: skip

    def run() -> Any:
        return {name: [getattr(peer, name)(*row) for row in rows] for name in ("delta", "gamma", "vega")}

    return Call(run, lambda found: _per_point(found, "delta", "gamma", "vega"))


OWN = (
    Peer("dealerflow", "models", "F, D", own_implied_vol, own_greeks, outputs=10),
    Peer(
        "dealerflow, plain", "models", "F, D", partial(own_implied_vol, chosen="plain"),
        partial(own_greeks, chosen="plain"), outputs=10, differs="the same formulas in NumPy, in blocks",
    ),
)  # fmt: skip
PEERS = (
    Peer(
        "iv-engine", "iv_engine", "F", _iv_engine_iv, _iv_engine_greeks, outputs=4,
        differs="undiscounted; one side a call; greeks per unit of forward, a call a greek",
    ),
    Peer("lbriv", "lbriv", "F", _lbriv_iv, differs="undiscounted; one F and side a call; volatility times sqrt(T)"),
    Peer("vanilla-option-pricers", "vanilla_option_pricers", "F, D", _vanilla_iv, differs="one expiry a call"),
    Peer("pyvolr", "pyvolr", "S, r, q", _pyvolr_iv, _pyvolr_greeks, outputs=5, differs="sides as 1 and -1"),
    Peer(
        "fast-vollib", "fast_vollib", "S, r, q", _fast_vollib_iv, _fast_vollib_greeks, outputs=5,
        differs="sides as c and p; vega per point; numba for volatility, NumPy for greeks, each the faster of its own",
    ),
    Peer(
        "polars-vol", "polars_vol", "S, r", _polars_vol_iv, _polars_vol_greeks, outputs=6,
        differs="no q, so spot is S exp(-qT)",
    ),
    Peer(
        "polars-greeks", "polars_greeks", "S, r, q", None, _polars_greeks, outputs=5,
        differs="its charm of puts leaves out the dividend's term",
    ),
    Peer(
        "opengreeks", "opengreeks", "S, r, q", _opengreeks_iv, _opengreeks_greeks, outputs=5,
        differs="one r, q and side a call, a call a greek; vega per point; charm by T, hence of the other sign",
    ),
    Peer(
        "quantlib", "QuantLib", "F, D", _quantlib_iv, is_scalar=True, raises=True,
        differs="one contract a call; volatility times sqrt(T)",
    ),
    Peer(
        "vollib", "vollib", "S, r, q", _vollib_iv, _vollib_greeks, outputs=3, is_scalar=True, raises=True,
        differs="one contract a call, a call a greek; sides as c and p; vega per point",
    ),
)  # fmt: skip


def installed() -> list[Peer]:
    """The peers that this Python can import, in the order of the tables."""
    return [peer for peer in PEERS if peer.is_installed]
