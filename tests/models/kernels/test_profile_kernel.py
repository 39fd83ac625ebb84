"""The kernels of the gamma profile: how true a cell is."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest

from models.engine import implementation


def bells(d: np.ndarray) -> np.ndarray:
    """exp(-d^2/2) as the cells of the engine at hand."""
    out = np.empty_like(d)
    implementation("profile").fill_terms(np.zeros_like(d), d, np.ones_like(d), 0.0, out)
    return out


def true_bells(d: np.ndarray) -> list[mp.mpf]:
    with mp.workdps(40):
        return [mp.exp(-(mp.mpf(x) ** 2) / 2) for x in d.tolist()]


@pytest.mark.usefixtures("engine")
def test_a_cell_is_as_true_as_the_square_of_its_distance():
    d = np.concatenate([np.linspace(-37.6, 37.6, 4001), np.geomspace(1e-12, 1.0, 200), [0.0, -0.0]])
    for found, true, x in zip(bells(d).tolist(), true_bells(d), d.tolist(), strict=True):
        assert abs(found - true) <= (5e-16 + 4e-16 * x * x) * true


@pytest.mark.usefixtures("engine")
def test_a_cell_falls_to_exact_zero_where_numbers_lose_their_digits():
    assert np.all(bells(np.array([37.62, 38.0, 40.0, 1e3, 1e10, 1e200, -1e10])) == 0.0)
    assert bells(np.array([37.6]))[0] > 0.0


@pytest.mark.usefixtures("engine")
def test_a_cell_never_exceeds_one_and_falls_with_distance():
    d = np.linspace(0.0, 38.0, 20001)
    found = bells(d)
    assert found[0] == 1.0
    assert found.max() == 1.0
    assert np.all(np.diff(found) <= 1e-16)
