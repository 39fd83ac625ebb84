"""A small synthetic options market: rates, smile, prices, quotes, trades and positions.

Made for sample data whose truth is known. All arrays broadcast against one another; times are years of 365 days, rates
and volatilities are fractions, prices are USD per unit of the underlying. Randomness enters only as uniform draws in
(0, 1) which the caller supplies, so that results do not depend on how a library turns a seed into normal numbers.
NaN inputs give NaN outputs; nothing here raises.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtri

from models.black import greeks
from models.conventions import DAYS_PER_YEAR, VOL_POINT, Bools, Floats

SESSIONS_PER_YEAR = 252.0
PENNY_LIMIT_USD = 3.0  # where a two-tier tick table changes from its small to its large tick


@dataclass(frozen=True, slots=True)
class ZeroCurve:
    """Continuous zero rates that run from `short_frac` at T = 0 to `long_frac` far out."""

    short_frac: float
    long_frac: float
    decay_years: float = 2.5


@dataclass(frozen=True, slots=True)
class Smile:
    """An SSVI surface: at-the-money variance from `short_variance` to `long_variance`, one skew, one width of wings.

    Free of static arbitrage where both variances are positive, |skew| < 1 and wing (1 + |skew|) <= 2
    (Gatheral and Jacquier, Arbitrage-free SVI volatility surfaces, 2014, theorems 4.1, 4.2; power law of exponent 1/2).
    """

    short_variance: float
    long_variance: float
    reversion_per_year: float = 3.0
    skew: float = -0.6
    wing: float = 1.1


@dataclass(frozen=True, slots=True)
class Quotes:
    """Best bid and ask in USD, on the venue's ticks; a bid of 0 means none."""

    bid: Floats
    ask: Floats


@dataclass(frozen=True, slots=True)
class Valuation:
    """Black's price in USD, its greeks as vendors show them, and the volatility behind them.

    Delta and gamma with respect to the spot, vega and rho per point of 0.01, theta per calendar day.
    """

    price: Floats
    delta: Floats
    gamma: Floats
    vega: Floats
    theta: Floats
    rho: Floats
    iv_frac: Floats


@dataclass(frozen=True, slots=True)
class Positions:
    """What all customers together are long and short of each contract. Dealers hold the other side."""

    long: Floats
    short: Floats

    @property
    def dealers(self) -> Floats:
        """Net, positive when dealers are long."""
        return np.asarray(self.short - self.long)

    @property
    def open_interest(self) -> Floats:
        """All that anybody is long: customers, and dealers where they are net long."""
        return np.asarray(self.long + np.maximum(self.dealers, 0.0))


def zero_rate(t_years: Floats, curve: ZeroCurve) -> Floats:
    """Continuous zero rate (fraction per year) at each T > 0 (Nelson and Siegel 1987, without hump)."""
    scaled = t_years / curve.decay_years
    return curve.long_frac + (curve.short_frac - curve.long_frac) * -np.expm1(-scaled) / scaled


def discount_factor(t_years: Floats, curve: ZeroCurve) -> Floats:
    """Value today in USD of 1 USD at each T > 0 (years); the shape of `t_years`. NaN where T is NaN or 0."""
    return np.asarray(np.exp(-zero_rate(t_years, curve) * t_years))


def par_yield(tenor_years: float, curve: ZeroCurve) -> float:
    """Yield (fraction) that the Treasury would publish for a tenor of at least a month.

    Simple below one year; from one year the coupon, paid twice a year, at which a bond is worth par.
    """
    tenor = np.array([tenor_years])
    if tenor_years < 1.0:
        return float((1.0 / discount_factor(tenor, curve)[0] - 1.0) / tenor_years)
    coupon_times = np.arange(1, round(2 * tenor_years) + 1) / 2.0
    factors = discount_factor(coupon_times, curve)
    return float(2.0 * (1.0 - factors[-1]) / factors.sum())


def forward_price(spot: Floats | float, carry_frac: float, t_years: Floats, curve: ZeroCurve) -> Floats:
    """Forward in USD of an asset that pays the continuous carry `carry_frac` per year."""
    return np.asarray(spot * np.exp(-carry_frac * t_years) / discount_factor(t_years, curve))


def total_variance(log_moneyness: Floats, t_years: Floats, smile: Smile) -> Floats:
    """Implied variance times T at ln(K/F); increasing in T at every moneyness (SSVI, reference at `Smile`)."""
    speed = smile.reversion_per_year
    fading = -np.expm1(-speed * t_years) / speed
    at_the_money = smile.long_variance * t_years + (smile.short_variance - smile.long_variance) * fading
    slope = smile.wing / np.sqrt(at_the_money * (1.0 + at_the_money))
    bent = slope * log_moneyness + smile.skew
    root = np.sqrt(bent * bent + 1.0 - smile.skew**2)
    return np.asarray(0.5 * at_the_money * (1.0 + smile.skew * slope * log_moneyness + root))


def value_european(
    is_call: Bools,
    strike: Floats,
    t_years: Floats,
    *,
    spot: Floats | float,
    carry_frac: float,
    curve: ZeroCurve,
    smile: Smile,
) -> Valuation:
    """Price and greeks of European contracts by Black 1976 (`models.black`), each at its volatility on the smile.

    `strike` and `spot` in USD, `t_years` > 0, `carry_frac` continuous per year; they and `is_call` broadcast to the
    shape of every array of the result, whose units `Valuation` states. NaN in an input gives NaN in all that rests on
    it.
    """
    forward = forward_price(spot, carry_frac, t_years, curve)
    variance = total_variance(np.log(strike / forward), t_years, smile)
    iv_frac = np.sqrt(variance / t_years)
    shown = greeks(
        spot=spot,
        forward=forward,
        strike=strike,
        t_years=t_years,
        iv_frac=iv_frac,
        discount_factor=discount_factor(t_years, curve),
        is_call=is_call,
        smooth_carry_frac=zero_rate(t_years, curve) - carry_frac,
    )
    # S delta - V is what the strike's bond is worth, with the sign of its duration.
    rho = VOL_POINT * t_years * (spot * shown.delta - shown.price)
    return Valuation(
        price=np.maximum(shown.price, 0.0),
        delta=shown.delta,
        gamma=shown.gamma,
        vega=VOL_POINT * shown.vega,
        theta=shown.theta / DAYS_PER_YEAR,
        rho=rho,
        iv_frac=iv_frac,
    )


def intrinsic_value(is_call: Bools, strike: Floats, spot: Floats | float) -> Floats:
    """What exercise at once pays, in USD: the floor under an American price."""
    return np.asarray(np.maximum(np.where(is_call, spot - strike, strike - spot), 0.0))


def quote_around(price: Floats, uniform: Floats, small_tick: float, large_tick: float, widest_usd: float) -> Quotes:
    """Quotes that contain the price: half a spread of one small tick plus up to 1 % of the price, rounded outwards."""
    half = 0.5 * small_tick + (0.3 + 0.7 * uniform) * np.minimum(0.01 * price, widest_usd)
    bid = _to_tick(np.floor, np.maximum(price - half, 0.0), small_tick, large_tick)
    ask = _to_tick(np.ceil, price + half, small_tick, large_tick)
    return Quotes(bid, ask)


def trade_price(quotes: Quotes, uniform: Floats) -> Floats:
    """A trade at the bid (never at none), in between or at the ask, to the cent."""
    lowest = np.maximum(quotes.bid, 0.01)
    share = np.floor(3.0 * uniform) / 2.0
    return np.asarray(np.round(lowest + share * np.maximum(quotes.ask - lowest, 0.0), 2))


def daily_move(uniform: float | Floats, volatility_frac: float) -> Floats:
    """Log return of one session, of the shape of `uniform`: normal, cut at the 5 % tails (1.645 standard deviations).

    `volatility_frac`: per year of 252 sessions. NaN gives NaN.
    """
    return np.asarray(ndtri(np.clip(uniform, 0.05, 0.95)) * volatility_frac / np.sqrt(SESSIONS_PER_YEAR))


def spots_between(earlier: float, later: float, shares: Floats, volatility_frac: float, uniform: Floats) -> Floats:
    """Prices on the way from one close to the next, to the cent: a Brownian bridge in the logarithm.

    `shares`: how much of the way lies behind, increasing, the last one 1, where the price is `later`. Same shape as
    `uniform` and the result.
    """
    steps = ndtri(np.clip(uniform, 0.02, 0.98)) * np.sqrt(np.diff(shares, prepend=0.0))
    walk = np.cumsum(steps)
    noise = (walk - shares * walk[-1]) * volatility_frac / np.sqrt(SESSIONS_PER_YEAR)
    return np.asarray(np.round(earlier * (later / earlier) ** shares * np.exp(noise), 2))


def quoted_elsewhere(last: float, uniform: float) -> float:
    """Price in USD of the underlying before the next opening: 0.3 to 0.6 % above the close `last`. NaN gives NaN."""
    return float(np.round(last * (1.003 + 0.003 * uniform), 2))


def quote_of_underlying(last: float, width_frac: float) -> tuple[float, float]:
    """Bid and ask in USD around the last price, rounded outwards to the cent. NaN gives NaN.

    `width_frac`: ask minus bid, as a fraction of the price.
    """
    half = 0.5 * width_frac * last
    return float(np.floor(100.0 * (last - half)) / 100.0), float(np.ceil(100.0 * (last + half)) / 100.0)


def smile_after(smile: Smile, usual: Smile, move: float, response: float) -> Smile:
    """The smile after a log return of the spot: volatility rises when the spot falls, short expiries most.

    `response`: by how much the log of the short variance moves against the return. Both ends drift back to `usual`,
    half of the way in some 23 sessions.
    """
    short = usual.short_variance * (smile.short_variance / usual.short_variance) ** 0.97
    long = usual.long_variance * (smile.long_variance / usual.long_variance) ** 0.97
    return replace(
        smile,
        short_variance=float(short * np.exp(-response * move)),
        long_variance=float(long * np.exp(-response * move / 6.0)),
    )


def curve_shifted(curve: ZeroCurve, uniform: Floats) -> ZeroCurve:
    """A day's curve: both ends moved by up to 3 bp; `uniform` has two draws."""
    short, long = (uniform - 0.5) * 0.0006
    return replace(curve, short_frac=float(curve.short_frac + short), long_frac=float(curve.long_frac + long))


def interest_weight(
    is_call: Bools, strike: Floats, spot: Floats | float, t_years: Floats, *, round_step: float, breadth: float
) -> Floats:
    """How much a contract is held, as a number around 1: out-of-the-money, round and near strikes most.

    `round_step`: the distance in USD of strikes that attract the most interest. `breadth`: how far from the spot
    interest reaches, 1 for an index.
    """
    distance = np.log(strike / spot) / breadth
    width = 0.02 + 0.12 * np.sqrt(t_years)
    outward = np.where(is_call, distance, -distance)
    side = np.where(outward > 0.0, 1.0, 0.35)
    roundness = 1.0 + 4.0 * (np.mod(strike, round_step) == 0.0) + 1.5 * (np.mod(strike, round_step / 2.0) == 0.0)
    skewed = np.where(is_call, 0.012, -0.022)
    return np.asarray(side * roundness * np.exp(-0.5 * ((distance - skewed) / width) ** 2))


def opening_positions(weight: Floats, scale: Floats, dealers_long_odds: Floats, uniform: Floats) -> Positions:
    """What customers hold at first: whole numbers, open interest log-normal around weight times scale.

    `dealers_long_odds`: how likely customers are net short of a contract. The lesser side has up to 60 % of the other.
    `uniform` has shape (3, n), the others (n,).
    """
    held, lesser, side = uniform
    most = np.floor(weight * scale * np.exp(0.8 * ndtri(held)))
    least = np.floor(0.6 * lesser * most)
    is_dealers_long = side < dealers_long_odds
    return Positions(np.where(is_dealers_long, least, most), np.where(is_dealers_long, most, least))


@dataclass(frozen=True, slots=True)
class Traded:
    """Who traded in one session, in contracts.

    `with_dealers`: what customers bought to open, sold to open, sold to close and bought to close, (4, n).
    `among_customers`: what both sides opened, negative where both closed. The rest was bought and sold again.
    """

    volume: Floats
    with_dealers: Floats
    among_customers: Floats

    def after(self, before: Positions) -> Positions:
        bought_to_open, sold_to_open, sold_to_close, bought_to_close = self.with_dealers
        return Positions(
            before.long + bought_to_open - sold_to_close + self.among_customers,
            before.short + sold_to_open - bought_to_close + self.among_customers,
        )


def trade(weight: Floats, scale: Floats, before: Positions, odds: Floats, uniform: Floats) -> Traded:
    """One session's trades, from the positions before it.

    Two of five contracts do not trade. In the others customers do one thing with dealers, by `odds` (4, n): buy to
    open, sell to open, sell to close, buy to close, as the columns add up to 1. A part of the rest opens or closes on
    both sides among customers and never touches the dealers; what is left is bought and sold again the same day.
    Hence neither side, nor the open interest, ever changes by more than the volume, which is what lets open interest
    be dated by volume. `uniform` has shape (6, n), the others (n,).
    """
    trades, size, kind, with_dealers, among_customers, opens = uniform
    volume = np.where(trades < 0.4, 0.0, np.floor(weight * scale * np.exp(1.2 * ndtri(size))))
    amount = np.floor(with_dealers * volume)
    bounds = np.cumsum(odds, axis=0)
    chosen = (kind >= bounds[:-1]).sum(axis=0)
    most = np.array([amount, amount, np.minimum(amount, before.long), np.minimum(amount, before.short)])
    dealt = most * (chosen == np.arange(4)[:, None])
    held = Traded(volume, dealt, np.zeros_like(volume)).after(before)
    rest = np.floor(0.5 * among_customers * (volume - amount))
    both = np.where(opens < 0.55, rest, -np.minimum(rest, np.minimum(held.long, held.short)))
    return Traded(volume, dealt, both)


def is_iv_missing(price: Floats, intrinsic: Floats, small_tick: float, uniform: Floats) -> Bools:
    """Where a vendor shows no volatility: no time value to invert, and 0.8 % of the rest."""
    return np.asarray((price - intrinsic < small_tick) | (uniform < 0.008))


def shares_traded(usual: float, uniform: float) -> int:
    """A session's volume of the underlying, within 30 % of the usual."""
    return int(usual * (0.7 + 0.6 * uniform))


def _to_tick(rounding: np.ufunc, price: Floats, small_tick: float, large_tick: float) -> Floats:
    tick = np.where(price < PENNY_LIMIT_USD, small_tick, large_tick)
    return np.round(np.asarray(rounding(np.round(price / tick, 9))) * tick, 2)
