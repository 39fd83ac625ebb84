"""Where an early-exercise boundary is kept, how it is read between, and where integrals over it are taken.

The boundary B(tau) of an American option, tau the time to expiry as a share of all of it, is known at `NODES` points of
s = sqrt(tau): Chebyshev's, between which H = ln(B/B(0+))^2 is a polynomial (Andersen, Lake and Offengenden, 2016).
Integrals over the time u to expiry run over the angle a with u = tau sin^2 a, by Gauss and Legendre: both ends, where
the boundary and the density bend like square roots, are smooth there. Hence H at every point of every integral is a
fixed combination of its values at the nodes, whatever the contract.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.conventions import Floats

NODES = 8
SWEEPS = 6  # over the boundary, until it stands
_POINTS_OF_BOUNDARY, _POINTS_OF_PRICE = 8, 24


@dataclass(frozen=True, slots=True)
class Integral:
    """Points of integrals from 0 to tau of functions of u, for one or more tau: of each, `weight` du/tau."""

    sine: Floats  # (points,): sqrt(u/tau)
    cosine: Floats  # (points,): sqrt(1 - u/tau)
    weight: Floats  # (points,): of the angle; du = 2 tau sine cosine d(angle)
    reading: Floats  # (tau, points, nodes): H(u) = sum of reading x H at the nodes


def _nodes() -> Floats:
    """s from 1, the whole time to expiry, downwards; 0, where H is 0, is no unknown."""
    return 0.5 * (1.0 + np.cos(np.pi * np.arange(NODES) / NODES))


def _reading(s: Floats) -> Floats:
    """Lagrange's polynomials of the nodes and 0 at s, without that of 0."""
    nodes = np.append(_nodes(), 0.0)
    columns = []
    for i, node in enumerate(_nodes()):
        rest = np.delete(nodes, i)
        columns.append(np.prod((s[..., None] - rest) / (node - rest), axis=-1))
    return np.ascontiguousarray(np.stack(columns, axis=-1))


def _integral(tau_roots: Floats, points: int) -> Integral:
    x, weight = np.polynomial.legendre.leggauss(points)
    angle = 0.25 * np.pi * (1.0 + x)
    sine = np.sin(angle)
    return Integral(sine, np.cos(angle), 0.25 * np.pi * weight, _reading(tau_roots[:, None] * sine))


ROOT_TAU = _nodes()  # (nodes,)
OF_BOUNDARY = _integral(ROOT_TAU, _POINTS_OF_BOUNDARY)
OF_PRICE = _integral(np.ones(1), _POINTS_OF_PRICE)
