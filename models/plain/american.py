"""American puts in NumPy: what `models.kernels.american` computes, array by array."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from models.collocation import NODES, OF_BOUNDARY, OF_PRICE, ROOT_TAU, SWEEPS
from models.conventions import INV_SQRT_2PI, Floats

_BLOCK = 1 << 10  # contracts whose arrays stay in the processor's cache
_DEEPEST, _LEAST = 50.0, 1e-12  # of ln(B(0+)/B)


def fill_american_put(log_moneyness: Floats, total_vol: Floats, rate: Floats, carry: Floats, out: Floats) -> None:
    """Write the prices of American puts of strike 1 into `out`; all arrays of one length.

    x = ln(S/K), v = volatility sqrt(T), R = r T, Q = q T; finite, v > 0 and R > 0 or R = 0 > Q. Where the boundary at T
    is not below S, the price is that of exercise at once.
    """
    columns = (log_moneyness, total_vol, rate, carry)
    with np.errstate(all="ignore"):
        for start in range(0, out.size, _BLOCK):
            x, v, r, q = (column[start : start + _BLOCK] for column in columns)
            first = np.where(q > r, np.log(r / q), 0.0)
            squares = _boundary(v, r, q, first)
            out[start : start + _BLOCK] = _price(x, v, r, q, first, squares)


def _boundary(v: Floats, r: Floats, q: Floats, first: Floats) -> Floats:
    """ln(B(0+)/B) squared at the nodes, (nodes, contracts), by `SWEEPS` sweeps over the nodes."""
    deepest = _perpetual(v, r, q, first)
    squares = np.empty((NODES, v.size))
    for i in range(NODES):
        squares[i] = _first_guess(v * ROOT_TAU[i], (r - np.minimum(q, 0.0)) * ROOT_TAU[i] / v, first, deepest) ** 2
    for _ in range(SWEEPS):
        for i in range(NODES):
            squares[i] = _improved(i, squares, v, r, q, first, deepest) ** 2
    return squares


def _perpetual(v: Floats, r: Floats, q: Floats, first: Floats) -> Floats:
    """ln(B(0+)/B) of the option without expiry, below which no boundary lies."""
    a = (r - q) / (v * v) - 0.5
    root = np.sqrt(a * a + 2.0 * r / (v * v))
    power = np.where(a > 0.0, root + a, 2.0 * r / (v * v) / (root - a))
    return np.fmin(first + np.log1p(1.0 / power), _DEEPEST)


def _first_guess(v: Floats, push: Floats, first: Floats, deepest: Floats) -> Floats:
    near = np.sqrt(1.9 + 1.4 * np.log1p(0.35 / np.maximum(push, 1e-6)))
    y = -first / v
    slope = 0.64 + (near - 0.64) * np.exp(-(0.45 + 0.2 * y) * y)
    return np.maximum(-deepest * np.expm1(-slope * v / deepest), _LEAST)


def _improved(i: int, squares: Floats, v: Floats, r: Floats, q: Floats, first: Floats, deepest: Floats) -> Floats:
    """ln(B(0+)/B) at node i, by the equation that B solves (system A of the paper)."""
    s = ROOT_TAU[i]
    t, vs = s * s, v * s
    depth = np.sqrt(squares[i])
    drift = (r - q) * t
    d_plus = (first - depth + drift) / vs + 0.5 * vs
    d_minus = d_plus - vs
    of_strike = _density(d_minus) / vs
    of_spot = _density(d_plus) / vs + ndtr(d_plus)
    for k, (sine, cosine, weight) in enumerate(_points()):
        apart = np.sqrt(np.maximum(OF_BOUNDARY.reading[i, k] @ squares, 0.0)) - depth
        w = vs * cosine
        d = (apart + drift * cosine * cosine) / w + 0.5 * w
        share = 2.0 * weight * sine
        u = t * sine * sine
        grown = np.exp(q * u)
        of_strike += share * r * s / v * np.exp(r * u) * _density(d - w)
        of_spot += share * q * grown * (s / v * _density(d) + t * cosine * ndtr(d))
    found = first + drift - np.log(of_strike / of_spot)
    moved = depth + (found - depth) / (1.0 + ((r - q) * s / v) ** 2)
    return np.asarray(np.where(np.isfinite(moved), np.clip(moved, _LEAST, deepest), 0.5 * depth))


def _price(x: Floats, v: Floats, r: Floats, q: Floats, first: Floats, squares: Floats) -> Floats:
    ratio, exercised = np.exp(x), -np.expm1(x)
    d_plus = (x + r - q) / v + 0.5 * v
    european = np.exp(-r) * ndtr(v - d_plus) - ratio * np.exp(-q) * ndtr(-d_plus)
    premium = np.zeros_like(x)
    for k, (sine, cosine, weight) in enumerate(zip(OF_PRICE.sine, OF_PRICE.cosine, OF_PRICE.weight, strict=True)):
        depth = np.sqrt(np.maximum(OF_PRICE.reading[0, k] @ squares, 0.0))
        t, w = cosine * cosine, v * cosine
        d = (x - first + depth + (r - q) * t) / w + 0.5 * w
        gained = r * np.exp(-r * t) * ndtr(w - d) - q * ratio * np.exp(-q * t) * ndtr(-d)
        premium += 2.0 * weight * sine * cosine * gained
    held = np.maximum(european + np.maximum(premium, 0.0), exercised)
    return np.asarray(np.where(x <= first - np.sqrt(squares[0]), exercised, held))


def _points() -> list[tuple[float, float, float]]:
    return list(zip(OF_BOUNDARY.sine, OF_BOUNDARY.cosine, OF_BOUNDARY.weight, strict=True))


def _density(d: Floats) -> Floats:
    return np.asarray(INV_SQRT_2PI * np.exp(-0.5 * d * d))
