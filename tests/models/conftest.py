"""What the tests of the models share: a test that names `engine` runs once by each of the two."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from models import engine as switch


@pytest.fixture(params=("compiled", "plain"), scope="module")
def engine(request: pytest.FixtureRequest) -> switch.Engine:
    """The name of the engine that computes. Of the module, or hypothesis would refuse it."""
    return request.param


@pytest.fixture(autouse=True)
def _settings_of_the_test(request: pytest.FixtureRequest) -> Iterator[None]:
    """The engine of the test where it names one, and afterwards the engine and threads that were before."""
    before = switch.engine(), switch.threads()
    if "engine" in request.fixturenames:
        switch.use(request.getfixturevalue("engine"))
    yield
    switch.use(before[0])
    switch.set_threads(before[1])
