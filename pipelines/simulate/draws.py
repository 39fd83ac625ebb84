"""All randomness of the sample market: uniform numbers from named streams."""

from __future__ import annotations

import zlib

import numpy as np

from models.conventions import Floats


def draws(seed: int, stream: str, shape: tuple[int, ...]) -> Floats:
    """Uniform numbers in (0, 1) of a named stream, so that a new stream leaves the others as they were."""
    generator = np.random.Generator(np.random.PCG64([seed, zlib.crc32(stream.encode())]))
    return np.maximum(generator.random(shape), 2.0**-53)


def draw(seed: int, stream: str) -> float:
    return float(draws(seed, stream, (1,))[0])
