"""Kernels compute whole vectors and call nothing: whoever breaks that makes them many times slower, and unloadable."""

from __future__ import annotations

import math
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

import models.kernels
from models.kernels import american, greeks, grid, implied_vol, profile
from models.kernels.compiled import Kernel, Numbers, Out, kernel
from tests.models.kernels.vectors import calls, vector_instructions

FOLDER = Path(models.kernels.__file__).parent


def all_kernels() -> Iterator[Kernel]:
    for path in sorted(FOLDER.glob("*.py")):
        module = import_module(f"models.kernels.{path.stem}")
        for value in vars(module).values():
            if isinstance(value, Kernel) and value.function.__module__ == module.__name__:
                yield value


@kernel
def _powers(count: int, x: Numbers, out: Out) -> None:
    for i in range(count):
        out[i] = x[i] ** 0.3


@kernel
def _one_by_one(count: int, x: Numbers, out: Out) -> None:
    for i in range(1, count):
        out[i] = out[i - 1] * x[i] + math.sqrt(x[i])


def told(each: Kernel) -> str:
    return f"{each.function.__module__}.{each.function.__name__}"


@pytest.mark.parametrize(
    ("each", "least"),
    [
        (american._start, 60), (american._sweep, 120), (american._premium, 80), (american._price, 80),
        (greeks._greeks, 120), (grid._figures, 20), (grid._sums, 100), (implied_vol._implied_vol, 110),
        (profile._profile, 60), (profile._terms, 10),
    ],
    ids=lambda value: told(value) if isinstance(value, Kernel) else "",
)  # fmt: skip
def test_loops_over_contracts_and_spots_are_computed_in_whole_vectors(each: Kernel, least: int):
    assert vector_instructions(each) > least


def test_a_loop_whose_steps_need_each_other_has_no_vectors():
    assert vector_instructions(_one_by_one) == 0


def test_a_function_of_the_system_is_seen_as_a_call():
    assert calls(_powers) == {"pow"}


@pytest.mark.parametrize("each", list(all_kernels()), ids=told)
def test_no_kernel_calls_anything(each: Kernel):
    assert calls(each) == set()
